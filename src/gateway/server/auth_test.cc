#include "gateway/server/auth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sonde::gateway {
namespace {

// "secret", at the least cost.
constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

const std::string kGood = "Basic YWxpY2U6c2VjcmV0";      // alice:secret
const std::string kWrong = "Basic YWxpY2U6c2VjcmV1";     // alice:secreu
const std::string kStranger = "Basic Ym9iOnNlY3JldA==";  // bob:secret

std::shared_ptr<Auth> of(const AuthOptions& options) {
  auto auth = Auth::create(options);
  EXPECT_TRUE(auth) << auth.error().text;
  return auth ? *auth : nullptr;
}

TEST(Auth, nobody_is_asked_where_nothing_is_set) {
  const auto auth = of({});
  EXPECT_FALSE(auth->asks());
  EXPECT_EQ(auth->quick(nullptr, 0), Auth::Verdict::kGood);
}

TEST(Auth, a_good_password_is_slow_once_and_quick_until_it_is_forgotten) {
  const auto auth = of({.basic = {{"alice", kHash}}, .bearer_file = {}});
  EXPECT_EQ(auth->quick(&kGood, 0), Auth::Verdict::kSlow);
  EXPECT_TRUE(auth->slow(kGood, 0));
  EXPECT_EQ(auth->quick(&kGood, Auth::kRemembered - 1), Auth::Verdict::kGood);
  EXPECT_EQ(auth->quick(&kGood, Auth::kRemembered), Auth::Verdict::kSlow);
}

TEST(Auth, a_bad_password_and_a_stranger_are_never_good) {
  const auto auth = of({.basic = {{"alice", kHash}}, .bearer_file = {}});
  for (const std::string& bad : {kWrong, kStranger}) {
    EXPECT_EQ(auth->quick(&bad, 0), Auth::Verdict::kSlow);
    EXPECT_FALSE(auth->slow(bad, 0));
    EXPECT_EQ(auth->quick(&bad, 0), Auth::Verdict::kSlow) << "nothing is remembered of it";
  }
  EXPECT_EQ(auth->quick(nullptr, 0), Auth::Verdict::kBad);
}

TEST(Auth, whether_two_let_in_the_same) {
  const std::string path = std::filesystem::temp_directory_path() / ("sonde_auth_same" + std::to_string(getpid()));
  std::ofstream(path) << "one\n";
  const std::vector<AuthOptions> all = {{},
                                        {.basic = {{"alice", kHash}}, .bearer_file = {}},
                                        {.basic = {{"bob", kHash}}, .bearer_file = {}},
                                        {.basic = {{"alice", kHash}, {"bob", kHash}}, .bearer_file = {}},
                                        {.basic = {}, .bearer_file = path},
                                        {.basic = {{"alice", kHash}}, .bearer_file = path}};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j) EXPECT_EQ(of(all[i])->same_as(*of(all[j])), i == j) << i << " " << j;
  const auto before = of(all[4]);
  std::ofstream(path, std::ios::trunc) << "two\n";
  EXPECT_FALSE(before->same_as(*of(all[4])));
  std::filesystem::remove(path);
}

TEST(Auth, tokens_come_from_a_file_one_a_line) {
  const std::string path = std::filesystem::temp_directory_path() / ("sonde_auth_test" + std::to_string(getpid()));
  std::ofstream(path) << "# ours\n  one  \r\n\ntwo\n";
  const auto auth = of({.basic = {}, .bearer_file = path});
  for (const std::string good : {"Bearer one", "bearer two", "BEARER  two "})
    EXPECT_EQ(auth->quick(&good, kNever - 1), Auth::Verdict::kGood) << good;
  for (const std::string bad : {"Bearer # ours", "Bearer ", "Bearer onetwo", "one", "Basic b25lOg==", ""})
    EXPECT_EQ(auth->quick(&bad, 0), Auth::Verdict::kBad) << bad;
  EXPECT_EQ(auth->challenges(), (std::vector<std::string>{"Bearer realm=\"sonde\""}));
  std::ofstream(path, std::ios::trunc) << "# none\n";
  EXPECT_FALSE(Auth::create({.basic = {}, .bearer_file = path}));
  std::filesystem::remove(path);
  EXPECT_FALSE(Auth::create({.basic = {}, .bearer_file = path}));
}

TEST(Auth, options_that_cannot_work_are_refused_by_name) {
  const auto text = [](const char* user, const std::string& hash) {
    const auto auth = Auth::create({.basic = {{user, hash}}, .bearer_file = {}});
    return auth ? std::string() : auth.error().text;
  };
  EXPECT_NE(text("alice", "plain").find("'alice' is not a bcrypt hash"), std::string::npos);
  EXPECT_NE(text("a:b", kHash).find("'a:b' is not a user's name"), std::string::npos);
  std::string dear = kHash;
  dear.replace(4, 2, "31");
  EXPECT_NE(text("alice", dear).find("cost 31"), std::string::npos);
}

TEST(Authorization, only_whole_credentials_are_read) {
  EXPECT_EQ(read_authorization("basic YWxpY2U6c2VjcmV0")->secret, "alice:secret");
  EXPECT_EQ(read_authorization("Basic Og==")->secret, ":");
  for (const char* bad : {"", "Basic", "Basic ", "Basic YWxpY2U", "Basic YWxp", "Basic Y=xp",
                          "Basic ====", "Basic YTpiAGM=", "Digest x", "Basic YTpi YTpi"})
    EXPECT_FALSE(read_authorization(bad)) << bad;
}

TEST(SlowDesk, works_in_order_and_says_when_it_is_full) {
  std::mutex gate;
  std::condition_variable moved;
  int done = 0;
  bool open = false, entered = false;
  {
    SlowDesk desk(2);
    ASSERT_TRUE(desk.submit([&] {
      std::unique_lock lock(gate);
      entered = true;
      moved.notify_all();
      moved.wait(lock, [&] { return open; });
      ++done;
    }));
    std::unique_lock lock(gate);
    moved.wait(lock, [&] { return entered; });  // the first is at work: two more may wait
    const auto work = [&] {
      const std::lock_guard inner(gate);
      ++done;
      moved.notify_all();
    };
    EXPECT_TRUE(desk.submit(work));
    EXPECT_TRUE(desk.submit(work));
    EXPECT_FALSE(desk.submit(work));
    open = true;
    moved.notify_all();
    moved.wait(lock, [&] { return done == 3; });
  }
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace sonde::gateway
