#include "gateway/discovery/discovery.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sonde::gateway {
namespace {

namespace fs = std::filesystem;

class FakeFetcher final : public Fetcher {
 public:
  struct Get {
    std::string url;
    Fields fields;
    Done done;
  };
  void get(const std::string& url, const Fields& fields, Done done) override {
    gets.push_back({url, fields, std::move(done)});
  }
  void answer(const Fetched& fetched) {
    const Get get = std::move(gets.front());
    gets.erase(gets.begin());
    get.done(fetched);
  }
  std::vector<Get> gets;
};

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    std::string name = (fs::temp_directory_path() / "sonde_sd_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~DiscoveryTest() override { fs::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(directory_ / name) << text; }
  static std::string list(const std::string& target) { return R"([{"targets": [")" + target + R"("]}])"; }

  // The targets of an entry, joined, when what just happened in the directory has been looked at.
  std::string after_events(Discovery& discovery) {
    pollfd wait{.fd = discovery.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 0) != 1) return "(no event)";
    discovery.on_readable(now_);
    now_ += kWatchQuiet;
    discovery.tick(now_);
    return joined(discovery);
  }
  static std::string joined(const Discovery& discovery, std::size_t entry = 0) {
    std::string all;
    for (const SdTarget& target : discovery.targets(entry)) all += (all.empty() ? "" : " ") + target.target;
    return all;
  }
  std::vector<CheckEntry> of_files(const std::string& pattern) const {
    return {{.name = "x", .file_sd = {directory_ / pattern}}};
  }

  fs::path directory_;
  FakeFetcher fetcher_;
  Nanos now_ = 0;
};

TEST_F(DiscoveryTest, files_that_match_come_change_and_go) {
  write("a.json", list("a:1"));
  write("b.json", list("b:1"));
  write("c.txt", list("c:1"));
  Discovery discovery(fetcher_);
  discovery.change(of_files("*.json"), now_);
  EXPECT_TRUE(discovery.take_change());
  EXPECT_EQ(joined(discovery), "a:1 b:1");
  EXPECT_FALSE(discovery.take_change());
  write("b.json", list("b:22"));
  EXPECT_EQ(after_events(discovery), "a:1 b:22");
  EXPECT_TRUE(discovery.take_change());
  write("c.json", list("c:1"));
  EXPECT_EQ(after_events(discovery), "a:1 b:22 c:1");
  write(".new.json", list("a:333"));
  EXPECT_EQ(after_events(discovery), "a:1 b:22 c:1");
  fs::rename(directory_ / ".new.json", directory_ / "a.json");
  EXPECT_EQ(after_events(discovery), "a:333 b:22 c:1");
  EXPECT_TRUE(discovery.take_change());
  fs::remove(directory_ / "b.json");
  EXPECT_EQ(after_events(discovery), "a:333 c:1");
  EXPECT_TRUE(discovery.take_change());
  EXPECT_TRUE(discovery.problems().empty());
}

TEST_F(DiscoveryTest, a_file_half_written_keeps_its_last_good_targets_and_is_reported) {
  write("a.json", list("a:1"));
  Discovery discovery(fetcher_);
  discovery.change(of_files("*.json"), now_);
  (void)discovery.take_change();
  const std::string whole = list("a:2");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write("a.json", whole.substr(0, length));
    EXPECT_EQ(after_events(discovery), "a:1") << length;
    ASSERT_EQ(discovery.problems().size(), 1) << length;
    EXPECT_NE(discovery.problems()[0].find("a.json"), std::string::npos);
  }
  EXPECT_FALSE(discovery.take_change());
  write("a.json", whole);
  EXPECT_EQ(after_events(discovery), "a:2");
  EXPECT_TRUE(discovery.take_change());
  EXPECT_TRUE(discovery.problems().empty());
}

TEST_F(DiscoveryTest, yaml_labels_and_duplicates) {
  write("a.yml", "- targets: ['a:1', 'a:2']\n  labels: {team: web}\n");
  write("b.yml", "- targets: ['a:2', 'a:3']\n  labels: {team: other}\n");
  Discovery discovery(fetcher_);
  auto entries = of_files("*.yml");
  entries[0].targets = {"a:1", "a:0"};
  discovery.change(entries, now_);
  const auto targets = discovery.targets(0);
  EXPECT_EQ(joined(discovery), "a:1 a:0 a:2 a:3");
  EXPECT_TRUE(targets[0].labels.empty());
  EXPECT_EQ(targets[2].labels.at("team"), "web");
  EXPECT_EQ(targets[3].labels.at("team"), "other");
}

TEST_F(DiscoveryTest, all_is_read_again_every_five_minutes) {
  Discovery discovery(fetcher_);
  discovery.change(of_files("a.json"), now_);
  EXPECT_EQ(discovery.problems().size(), 1);  // it is not there
  EXPECT_EQ(discovery.next(), 300 * kSecond);
  write("a.json", list("a:1"));
  discovery.tick(300 * kSecond - 1);
  EXPECT_EQ(joined(discovery), "");
  discovery.tick(300 * kSecond);
  EXPECT_EQ(joined(discovery), "a:1");
  EXPECT_EQ(discovery.next(), 600 * kSecond);
  fs::remove(directory_ / "a.json");
  discovery.tick(600 * kSecond);
  EXPECT_EQ(joined(discovery), "");
}

TEST_F(DiscoveryTest, a_directory_that_comes_later_and_its_links_that_are_swapped) {
  Discovery discovery(fetcher_);
  discovery.change(of_files("sub/*.json"), now_);
  EXPECT_EQ(discovery.problems().size(), 1);
  fs::create_directories(directory_ / "sub" / "..1");
  write("sub/..1/a.json", list("a:1"));
  fs::create_symlink("..1", directory_ / "sub" / "..data");
  fs::create_symlink("..data/a.json", directory_ / "sub" / "a.json");
  EXPECT_EQ(after_events(discovery), "a:1");
  fs::create_directory(directory_ / "sub" / "..2");
  write("sub/..2/a.json", list("a:2"));
  fs::create_symlink("..2", directory_ / "sub" / "..data_tmp");
  fs::rename(directory_ / "sub" / "..data_tmp", directory_ / "sub" / "..data");
  EXPECT_EQ(after_events(discovery), "a:2");
  write("sub/..2/a.json", list("a:33"));
  EXPECT_EQ(after_events(discovery), "a:33");
}

TEST_F(DiscoveryTest, a_url_is_fetched_as_prometheus_does_and_keeps_its_last_good_targets) {
  Discovery discovery(fetcher_);
  discovery.change({{.name = "x", .http_sd = {{.url = "http://u:p@127.0.0.1:9000/sd?key=1", .refresh = 90 * kSecond}}}},
                   0);
  EXPECT_EQ(discovery.next(), 0);
  discovery.tick(0);
  ASSERT_EQ(fetcher_.gets.size(), 1);
  EXPECT_EQ(fetcher_.gets[0].url, "http://u:p@127.0.0.1:9000/sd?key=1");
  const auto& fields = fetcher_.gets[0].fields;
  EXPECT_NE(
      std::ranges::find(fields, std::pair<std::string, std::string>("X-Prometheus-Refresh-Interval-Seconds", "90")),
      fields.end());
  EXPECT_EQ(discovery.next(), kNever);  // one at a time
  fetcher_.answer({.status = 0, .error = "connect refused"});
  EXPECT_EQ(discovery.problems(), std::vector<std::string>{"http://127.0.0.1:9000/sd: connect refused"});
  EXPECT_EQ(discovery.next(), 10 * kSecond);
  (void)discovery.take_change();

  discovery.tick(10 * kSecond);
  fetcher_.answer({.status = 200, .type = "application/json; charset=utf-8", .body = list("a:1")});
  EXPECT_TRUE(discovery.take_change());
  EXPECT_EQ(joined(discovery), "a:1");
  EXPECT_TRUE(discovery.problems().empty());

  const std::vector<Fetched> bad = {{.status = 500, .type = "application/json", .body = list("a:2")},
                                    {.status = 200, .type = "text/html", .body = list("a:2")},
                                    {.status = 200, .type = "application/jsonp", .body = list("a:2")},
                                    {.status = 200, .type = "application/json", .body = list("a:2").substr(3)},
                                    {.status = 200, .type = "application/json", .body = ""}};
  Nanos now = 20 * kSecond;
  for (const Fetched& fetched : bad) {
    discovery.tick(now);
    ASSERT_EQ(fetcher_.gets.size(), 1);
    fetcher_.answer(fetched);
    EXPECT_EQ(joined(discovery), "a:1");
    EXPECT_EQ(discovery.problems().size(), 1);
    EXPECT_EQ(discovery.next(), now + 90 * kSecond);
    now = discovery.next();
  }
  EXPECT_FALSE(discovery.take_change());
  discovery.tick(now);
  fetcher_.answer({.status = 200, .type = "Application/JSON", .body = "[]"});
  EXPECT_EQ(joined(discovery), "");
  EXPECT_TRUE(discovery.take_change());
}

TEST_F(DiscoveryTest, a_reload_keeps_what_sources_have_and_drops_those_that_are_gone) {
  write("a.json", list("a:1"));
  const HttpSd first{.url = "http://127.0.0.1:9000/1"};
  const HttpSd second{.url = "http://127.0.0.1:9000/2"};
  Discovery discovery(fetcher_);
  discovery.change({{.name = "x", .http_sd = {first, second}}}, 0);
  discovery.tick(0);
  ASSERT_EQ(fetcher_.gets.size(), 2);
  fetcher_.answer({.status = 200, .type = "application/json", .body = list("u:1")});
  auto entries = of_files("*.json");
  entries.push_back({.name = "y", .http_sd = {first}});
  discovery.change(entries, kSecond);
  EXPECT_EQ(joined(discovery, 0), "a:1");
  EXPECT_EQ(joined(discovery, 1), "u:1");
  (void)discovery.take_change();
  fetcher_.answer({.status = 200, .type = "application/json", .body = list("u:2")});  // nobody's any more
  EXPECT_FALSE(discovery.take_change());
  EXPECT_EQ(discovery.next(), 10 * kSecond);  // as it was planned before
}

TEST_F(DiscoveryTest, an_answer_after_the_end_is_nobodys) {
  {
    Discovery discovery(fetcher_);
    discovery.change({{.name = "x", .http_sd = {{.url = "http://127.0.0.1:9000/"}}}}, 0);
    discovery.tick(0);
  }
  fetcher_.answer({.status = 200, .type = "application/json", .body = list("a:1")});
}

}  // namespace
}  // namespace sonde::gateway
