#include "gateway/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "os/machine.h"
#include "os/signal_queue.h"

namespace sonde::gateway {
namespace {

class NobodyListens final : public ResultListener {
 public:
  void on_result(const Check&, const CheckResult&, const Transition*) override {}
};

// Of three checks, with ids 1 to 3, in two books; the runs that the books start are kept here.
struct Side {
  NobodyListens listener;
  std::atomic<bool> network_down{false};
  Books books;
  std::vector<std::pair<std::unique_ptr<probes::CheckRun>, RunDone>> started;

  explicit Side(Nanos now, std::vector<CheckId> ids = {1, 2, 3}) {
    for (int i = 0; i < 2; ++i)
      books.push_back(std::make_unique<CheckBook>(listener, network_down, os::unix_now() - os::monotonic_now()));
    for (const CheckId id : ids) {
      auto check = std::make_shared<Check>();
      check->id = id;
      check->name = "check";
      check->target = std::to_string(id);
      check->interval = kSecond;
      books[id % 2]->change({check}, {}, now, nullptr);
    }
  }
  void turn(Nanos now) {
    for (const auto& book : books)
      book->begin(now, os::unix_now() - os::monotonic_now() + now, 100,
                  [this](std::unique_ptr<probes::CheckRun> run, RunDone done) {
                    started.emplace_back(std::move(run), std::move(done));
                  });
  }
  std::string target(std::size_t i) const { return started[i].first->target; }
  void end(std::size_t i) {
    started[i].first->success = true;
    started[i].second(std::move(started[i].first));
  }
};

// The ends of the channel, of which the old one's is driven by hand.
struct Talk {
  HandoverChannel old;
  std::unique_ptr<Predecessor> predecessor;

  void tell(HandoverKind kind, std::vector<HandedCheck> checks = {}) {
    EXPECT_TRUE(old.send(write_handover({.kind = kind, .listen = "", .checks = std::move(checks)})));
  }
  bool heard(HandoverKind kind) {
    const auto message = old.receive(0);
    return message && *message && (*message)->kind == kind;
  }
};

Talk talk(std::string_view listen = "127.0.0.1:9115", std::span<const int> sockets = {}) {
  auto ends = HandoverChannel::open();
  Talk made{.old = HandoverChannel(std::move(ends->first)), .predecessor = nullptr};
  EXPECT_TRUE(made.old.send(write_handover({.kind = HandoverKind::kHello, .listen = std::string(listen), .checks = {}}),
                            sockets));
  ::setenv("SONDE_HANDOVER", std::to_string(ends->second.release()).c_str(), 1);
  auto predecessor = Predecessor::of_environment();
  EXPECT_TRUE(predecessor);
  EXPECT_EQ(std::getenv("SONDE_HANDOVER"), nullptr);
  made.predecessor = std::move(*predecessor);
  return made;
}

std::vector<HandedCheck> all_of(const Books& books) {
  std::vector<HandedCheck> all;
  for (const auto& book : books) book->for_each_handed([&](HandedCheck check) { all.push_back(std::move(check)); });
  return all;
}

void hold(const Books& books, bool held = true) {
  for (const auto& book : books) book->hold(held);
}

TEST(Predecessor, without_the_variable_there_is_none_and_a_wrong_one_is_an_error) {
  ::unsetenv("SONDE_HANDOVER");
  const auto none = Predecessor::of_environment();
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  for (const char* wrong : {"", "x", "-1", "9999", "3x"}) {
    ::setenv("SONDE_HANDOVER", wrong, 1);
    EXPECT_FALSE(Predecessor::of_environment()) << wrong;
  }
}

TEST(Predecessor, its_sockets_are_taken_where_the_same_is_listened_on) {
  const os::Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int sockets[] = {listening.get()};
  EXPECT_EQ(talk("127.0.0.1:1", sockets).predecessor->take_sockets("127.0.0.1:2").size(), 0U);
  Talk same = talk("127.0.0.1:1", sockets);
  const std::vector<os::Fd> taken = same.predecessor->take_sockets("127.0.0.1:1");
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_NE(taken[0].get(), listening.get());
  EXPECT_EQ(::fcntl(taken[0].get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(talk("", sockets).predecessor->take_sockets("127.0.0.1:2").size(), 1U) << "systemd's are taken whatever";
}

TEST(Handover, nothing_begins_before_all_checks_are_there_and_then_what_was_not_begun) {
  const Nanos now = os::monotonic_now();
  Side before(now), after(now);
  hold(after.books);
  Talk talking = talk();
  using State = Predecessor::State;
  EXPECT_TRUE(talking.predecessor->tell_ready());
  EXPECT_TRUE(talking.heard(HandoverKind::kReady));
  before.turn(now + kSecond);  // each has had its turn
  ASSERT_EQ(before.started.size(), 3U);
  std::size_t of_1 = 0;
  while (before.target(of_1) != "1") ++of_1;
  for (std::size_t i = 0; i < 3; ++i)
    if (i != of_1) before.end(i);
  hold(before.books);
  before.turn(now + 2 * kSecond);
  EXPECT_EQ(before.started.size(), 3U) << "a book that is held begins nothing";

  talking.tell(HandoverKind::kChecks, all_of(before.books));
  EXPECT_EQ(talking.predecessor->follow(after.books, now + kSecond), State::kWaiting);
  after.turn(now + 2 * kSecond);
  EXPECT_TRUE(after.started.empty());
  talking.tell(HandoverKind::kBegin);
  EXPECT_EQ(talking.predecessor->follow(after.books, now + kSecond), State::kBegun);
  hold(after.books, false);
  after.turn(now + kSecond);
  EXPECT_TRUE(after.started.empty()) << "these turns were taken";
  after.turn(now + 2 * kSecond);
  ASSERT_EQ(after.started.size(), 2U) << "of the one that runs there the turn is skipped";
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NE(after.target(i), "1");

  before.end(of_1);
  talking.tell(HandoverKind::kChecks, {*before.books[1]->handed(1)});
  talking.tell(HandoverKind::kDone);
  EXPECT_EQ(talking.predecessor->follow(after.books, now + 2 * kSecond), State::kOver);
  EXPECT_TRUE(talking.heard(HandoverKind::kTaken));
  EXPECT_TRUE(after.books[1]->look(1, [](const CheckView& view) { EXPECT_EQ(view.state.shown(), ShownState::kUp); }));
  after.end(0);
  after.end(1);
  after.turn(now + 3 * kSecond);
  EXPECT_EQ(after.started.size(), 5U);
}

TEST(Handover, a_successor_whose_predecessor_is_gone_or_silent_goes_on_alone) {
  const Nanos now = os::monotonic_now();
  for (const bool gone : {true, false}) {
    Side after(now);
    hold(after.books);
    Talk talking = talk();
    HandedCheck running = *after.books[1]->handed(1);
    running.running = true;
    talking.tell(HandoverKind::kChecks, {running});
    EXPECT_EQ(talking.predecessor->follow(after.books, now), Predecessor::State::kWaiting);
    if (gone) talking.old = HandoverChannel(os::Fd());
    EXPECT_EQ(talking.predecessor->follow(after.books, now + (gone ? 0 : 3600 * kSecond)), Predecessor::State::kOver);
    hold(after.books, false);
    after.turn(now + kSecond);
    EXPECT_EQ(after.started.size(), 3U);
  }
}

TEST(Handover, checks_that_are_not_there_are_kept_for_when_they_come) {
  const Nanos now = os::monotonic_now();
  Side before(now), after(now, {1});
  hold(before.books);
  Talk talking = talk();
  talking.tell(HandoverKind::kChecks, all_of(before.books));
  talking.tell(HandoverKind::kBegin);
  EXPECT_EQ(talking.predecessor->follow(after.books, now), Predecessor::State::kBegun);
  EXPECT_EQ(talking.predecessor->take_unplaced().size(), 2U);
  EXPECT_TRUE(talking.predecessor->take_unplaced().empty());
}

// ── the old one's side, with a shell for a successor ─────────────────────────────────────────────────────────────

Parsed<std::unique_ptr<Successor>> shell(const std::string& script) {
  return Successor::start({.path = "/bin/sh", .arguments = {"sh", "-c", script}}, "127.0.0.1:9115", {});
}

// Till there is something to see, or the channel is closed.
Parsed<bool> look(Successor& successor) {
  const int fd = successor.fd();
  os::wait_readable({&fd, 1}, 10 * kSecond);
  return successor.look(os::monotonic_now());
}

TEST(Successor, one_that_ends_at_once_or_cannot_be_started_is_given_up) {
  auto ends = shell("exit 2");
  // It may be gone before it could be told hello.
  if (ends) {
    EXPECT_FALSE(look(**ends));
  }
  EXPECT_FALSE(Successor::start({.path = "/nowhere", .arguments = {"sonde"}}, "", {}));
}

TEST(Successor, one_that_hangs_is_given_up_and_killed) {
  auto hangs = shell("exec sleep 1000");
  ASSERT_TRUE(hangs);
  const auto soon = (*hangs)->look(os::monotonic_now());
  ASSERT_TRUE(soon);
  EXPECT_FALSE(*soon);
  EXPECT_FALSE((*hangs)->look(os::monotonic_now() + 30 * kSecond));
  const pid_t pid = (*hangs)->pid();
  hangs->reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Successor, words_that_are_none_are_an_error) {
  auto talks = shell("echo rubbish >&3; exec sleep 1000");
  ASSERT_TRUE(talks);
  EXPECT_FALSE(look(**talks));
}

TEST(Successor, one_that_fails_while_it_takes_over_leaves_the_books_held_and_as_they_were) {
  const Nanos now = os::monotonic_now();
  Side before(now);
  auto ready = shell(R"(printf '\001\002' >&3; exec sleep 1000)");
  ASSERT_TRUE(ready);
  const auto is_ready = look(**ready);
  ASSERT_TRUE(is_ready) << is_ready.error().text;
  EXPECT_TRUE(*is_ready);
  ASSERT_EQ(::kill((*ready)->pid(), SIGKILL), 0);
  EXPECT_FALSE((*ready)->take_over(before.books, [] {}));
  before.turn(now + kSecond);
  EXPECT_TRUE(before.started.empty());
  hold(before.books, false);
  before.turn(now + kSecond);
  EXPECT_EQ(before.started.size(), 3U);
}

}  // namespace
}  // namespace sonde::gateway
