#include "os/respawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace sonde::os {
namespace {

struct Pair {
  Fd ours, theirs;
};

Pair socket_pair() {
  std::array<int, 2> ends{-1, -1};
  (void)::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data());
  return {.ours = Fd(ends[0]), .theirs = Fd(ends[1])};
}

// Until the other end is closed.
std::string all_of(int fd) {
  std::string all;
  std::array<char, 256> piece{};
  for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;)
    all.append(piece.data(), static_cast<std::size_t>(got));
  return all;
}

Program shell(const std::string& script) { return {.path = "/bin/sh", .arguments = {"sh", "-c", script}}; }

TEST(Respawn, the_own_program_is_known_by_an_absolute_path) {
  const auto program = own_program();
  ASSERT_TRUE(program);
  EXPECT_EQ(program->path.front(), '/');
  EXPECT_EQ(::access(program->path.c_str(), X_OK), 0);
  EXPECT_NE(program->arguments.front().find("os_test"), std::string::npos);
}

TEST(Respawn, a_child_has_the_descriptor_and_the_changed_environment) {
  ::setenv("SONDE_TEST_KEPT", "kept", 1);
  ::setenv("SONDE_TEST_GONE", "gone", 1);
  Pair pair = socket_pair();
  auto child = Child::start(shell(R"(echo "$SONDE_TEST_KEPT,$SONDE_TEST_GONE,$SONDE_TEST_MADE" >&3)"),
                            pair.theirs.get(), {{"SONDE_TEST_GONE", ""}, {"SONDE_TEST_MADE", "made"}});
  pair.theirs.reset();
  ASSERT_TRUE(child);
  EXPECT_EQ(all_of(pair.ours.get()), "kept,,made\n");
  ::unsetenv("SONDE_TEST_KEPT");
  ::unsetenv("SONDE_TEST_GONE");
}

TEST(Respawn, a_child_is_killed_with_its_object_unless_it_was_let_go) {
  Pair pair = socket_pair();
  pid_t pid = -1;
  {
    auto child = Child::start(shell("echo up >&3; exec sleep 100"), pair.theirs.get(), {});
    ASSERT_TRUE(child);
    pid = child->pid();
    std::array<char, 3> up{};
    ASSERT_EQ(::read(pair.ours.get(), up.data(), up.size()), 3);
  }
  EXPECT_EQ(::waitpid(pid, nullptr, 0), -1);
  EXPECT_EQ(errno, ECHILD);

  auto child = Child::start(shell("read line <&3; exit 7"), pair.theirs.get(), {});
  ASSERT_TRUE(child);
  pid = child->pid();
  child->let_go();
  {
    const Child gone = std::move(*child);
  }
  ASSERT_EQ(::write(pair.ours.get(), "go\n", 3), 3);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Respawn, a_program_that_is_not_there_is_an_error) {
  const Pair pair = socket_pair();
  const auto child = Child::start({.path = "/nowhere/sonde", .arguments = {"sonde"}}, pair.theirs.get(), {});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace sonde::os
