#include "os/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "os/machine.h"

namespace sonde::os {
namespace {

// The variables of systemd, for the time of a test.
class Variables : public testing::Test {
 protected:
  Variables() { clear(); }
  ~Variables() override { clear(); }
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

 private:
  static void clear() {
    for (const char* name :
         {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
      ::unsetenv(name);
  }
};
using ServiceManagerTest = Variables;
using ActivationTest = Variables;

// systemd's end; `name` as in NOTIFY_SOCKET.
Fd bound_datagram_socket(const std::string& name) {
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) fd.reset();
  return fd;
}

std::string received(const Fd& fd) {
  std::string bytes(4096, '\0');
  const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
  return got < 0 ? "nothing" : bytes.substr(0, static_cast<std::size_t>(got));
}

TEST_F(ServiceManagerTest, tells_a_socket_of_a_path_and_an_abstract_one) {
  const std::string path = testing::TempDir() + "notify_" + std::to_string(::getpid());
  for (const std::string& name : {path, "@sonde_test_" + std::to_string(::getpid())}) {
    const Fd systemd = bound_datagram_socket(name);
    ASSERT_TRUE(systemd) << name;
    set("NOTIFY_SOCKET", name);
    ServiceManager::of_environment().tell("READY=1\nMAINPID=7");
    EXPECT_EQ(received(systemd), "READY=1\nMAINPID=7");
    EXPECT_EQ(received(systemd), "nothing");
  }
  ::unlink(path.c_str());
}

TEST_F(ServiceManagerTest, a_reload_says_when) {
  const std::string name = "@sonde_reload_" + std::to_string(::getpid());
  const Fd systemd = bound_datagram_socket(name);
  set("NOTIFY_SOCKET", name);
  const Nanos before = monotonic_now();
  ServiceManager::of_environment().tell_reloading();
  const std::string told = received(systemd), start = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(told.starts_with(start)) << told;
  const Nanos at = std::stoll(told.substr(start.size())) * kMicrosecond;
  EXPECT_GE(at, before - kMicrosecond);
  EXPECT_LE(at, monotonic_now());
}

TEST_F(ServiceManagerTest, nobody_is_told_where_the_name_is_none_or_nobody_hears) {
  ServiceManager::of_environment().tell("READY=1");
  for (const std::string& name : {std::string("relative"), std::string("@"), "/" + std::string(200, 'x'),
                                  std::string("@sonde_nobody_hears_this")}) {
    set("NOTIFY_SOCKET", name);
    ServiceManager::of_environment().tell("READY=1");
  }
}

TEST_F(ServiceManagerTest, the_watchdog_is_told_twice_in_its_time) {
  EXPECT_EQ(ServiceManager::of_environment().watchdog_every(), kNever);
  set("WATCHDOG_USEC", "30000000");
  EXPECT_EQ(ServiceManager::of_environment().watchdog_every(), 15 * kSecond);
  set("WATCHDOG_PID", std::to_string(::getpid()));
  EXPECT_EQ(ServiceManager::of_environment().watchdog_every(), 15 * kSecond);
  set("WATCHDOG_PID", "1");
  EXPECT_EQ(ServiceManager::of_environment().watchdog_every(), kNever);
  ::unsetenv("WATCHDOG_PID");
  for (const char* wrong : {"", "0", "-1", "1s", "99999999999999999999"}) {
    set("WATCHDOG_USEC", wrong);
    EXPECT_EQ(ServiceManager::of_environment().watchdog_every(), kNever) << wrong;
  }
}

// The numbers are fixed by the protocol: what has them in this process is put aside for the test's time.
TEST_F(ActivationTest, takes_the_sockets_from_3_on_and_the_variables_away) {
  const Fd aside3(::fcntl(3, F_DUPFD_CLOEXEC, 10)), aside4(::fcntl(4, F_DUPFD_CLOEXEC, 10));
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_TRUE(socket);
  for (const int fd : {3, 4}) {
    if (fd == socket.get()) continue;
    ASSERT_EQ(::dup2(socket.get(), fd), fd);
  }
  set("LISTEN_FDS", "2");
  set("LISTEN_PID", std::to_string(::getpid()));
  std::vector<Fd> taken = take_activation_sockets();
  ASSERT_EQ(taken.size(), 2U);
  for (const Fd& fd : taken) EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(taken[0].get(), 3);
  EXPECT_EQ(taken[1].get(), 4);
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
  EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
  EXPECT_TRUE(take_activation_sockets().empty());
  for (Fd& fd : taken)
    if (fd.get() == socket.get()) (void)fd.release();
  taken.clear();
  if (aside3) ::dup2(aside3.get(), 3);
  if (aside4) ::dup2(aside4.get(), 4);
}

TEST_F(ActivationTest, leaves_what_is_meant_for_another_process) {
  set("LISTEN_FDS", "1");
  EXPECT_TRUE(take_activation_sockets().empty()) << "without a LISTEN_PID";
  for (const char* pid : {"1", "x"}) {
    set("LISTEN_FDS", "1");
    set("LISTEN_PID", pid);
    EXPECT_TRUE(take_activation_sockets().empty()) << pid;
  }
  for (const char* count : {"0", "-1", "1000000", "x"}) {
    set("LISTEN_FDS", count);
    set("LISTEN_PID", std::to_string(::getpid()));
    EXPECT_TRUE(take_activation_sockets().empty()) << count;
  }
}

}  // namespace
}  // namespace sonde::os
