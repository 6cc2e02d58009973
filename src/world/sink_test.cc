// A sink on real sockets, met by plain clients.
#include "world/sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/machine.h"
#include "os/sockaddr.h"

namespace sonde::world {
namespace {

constexpr Nanos kPatience = 20 * kSecond;  // far more than anything here takes

struct Running {
  explicit Running(SinkOptions options) {
    const Parsed<> started = sink.start(std::move(options));
    EXPECT_TRUE(started) << started.error().text;
  }
  Sink sink;
};

// A client whose handshake is done: a connect on loopback is over when it returns. None, and errno, where it failed.
os::Fd connected(std::uint32_t address, std::uint16_t port) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  os::SockAddr to;
  os::fill(to, {.address = IpAddress::v4(address), .port = port});
  if (::connect(fd.get(), to.get(), to.length) != 0) return {};
  return fd;
}

std::vector<os::Fd> connected_many(std::uint16_t port, std::uint32_t count) {
  std::vector<os::Fd> clients;
  for (std::uint32_t i = 0; i < count; ++i) {
    clients.push_back(connected(0x7f090000 + i, port));
    EXPECT_TRUE(clients.back()) << i;
  }
  return clients;
}

// True as soon as it holds; false when patience is at its end.
bool comes_true(const std::function<bool()>& condition) {
  const Nanos end = os::monotonic_now() + kPatience;
  while (!condition())
    if (os::monotonic_now() > end) return false;
  return true;
}

bool comes_to_hold(const Sink& sink, std::uint64_t count) {
  return comes_true([&] { return sink.held() == count; });
}

constexpr int kPatienceMs = static_cast<int>(kPatience / kMillisecond);

// True when the peer has ended the connection, or does so before patience ends.
bool is_ended(const os::Fd& client, int patience_ms) {
  pollfd waiting{.fd = client.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return poll(&waiting, 1, patience_ms) == 1;
}

// True when the peer takes far more than the buffers on the way.
bool is_read_from(const os::Fd& client) {
  const std::string much(16 << 20, 'x');
  std::size_t sent = 0;
  pollfd room{.fd = client.get(), .events = POLLOUT, .revents = 0};
  while (sent < much.size() && poll(&room, 1, kPatienceMs) == 1) {
    const ssize_t put = ::send(client.get(), much.data() + sent, much.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put <= 0) return false;
    sent += static_cast<std::size_t>(put);
  }
  return sent == much.size();
}

TEST(Sink, holds_connections_on_any_loopback_address_without_accepting_them) {
  Running running({.ports = {0}});
  const std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 300);
  EXPECT_EQ(running.sink.held(), 300U);
  EXPECT_EQ(running.sink.threads(), 0U);
  for (const os::Fd& client : clients) EXPECT_FALSE(is_ended(client, 0));
}

TEST(Sink, costs_no_descriptor_while_it_does_not_accept) {
  Running running({.ports = {0}});
  const std::uint64_t before = os::open_descriptors();
  const std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 50);
  EXPECT_EQ(os::open_descriptors(), before + 50) << "the clients' own, and no more";
}

TEST(Sink, is_as_deep_as_the_kernel_lets_a_queue_be) {
  Running running({.ports = {0, 0}});
  const Result<std::string> somaxconn = os::read_file("/proc/sys/net/core/somaxconn", 64);
  ASSERT_TRUE(somaxconn);
  EXPECT_EQ(running.sink.queue_depth(), std::stoull(*somaxconn) + 1);
}

TEST(Sink, counts_over_all_its_ports) {
  Running running({.ports = {0, 0, 0}});
  std::vector<os::Fd> clients;
  for (const std::uint16_t port : running.sink.ports()) clients.push_back(connected(0x7f000001, port));
  EXPECT_EQ(running.sink.held(), 3U);
}

TEST(Sink, resets_what_it_holds_when_it_stops) {
  for (const bool accept : {false, true}) {
    SCOPED_TRACE(accept);
    Running running({.ports = {0}, .accept = accept});
    const std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 20);
    ASSERT_TRUE(comes_to_hold(running.sink, 20));
    running.sink.stop();
    EXPECT_EQ(running.sink.held(), 0U);
    for (const os::Fd& client : clients) {
      char byte = 0;
      EXPECT_EQ(::recv(client.get(), &byte, 1, 0), -1);
      EXPECT_EQ(errno, ECONNRESET);
    }
  }
}

TEST(Sink, accepting_reads_whatever_is_sent) {
  Running running({.ports = {0}, .accept = true});
  const os::Fd client = connected(0x7f000001, running.sink.ports().front());
  EXPECT_TRUE(is_read_from(client));
  EXPECT_FALSE(is_ended(client, 0));
}

TEST(Sink, accepting_goes_on_in_another_thread_where_a_table_is_full) {
  Running running({.ports = {0}, .accept = true, .descriptors_per_thread = 40});
  const std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 100);
  EXPECT_TRUE(comes_true([&] { return running.sink.threads() == 3; }));
  EXPECT_TRUE(comes_to_hold(running.sink, 100));
  EXPECT_TRUE(is_read_from(clients.front()));
  EXPECT_TRUE(is_read_from(clients.back()));
}

TEST(Sink, accepting_forgets_what_ended_and_has_room_again) {
  Running running({.ports = {0}, .accept = true, .descriptors_per_thread = 8});
  for (int i = 0; i < 50; ++i) {
    std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 12);
    ASSERT_TRUE(comes_to_hold(running.sink, 12));
    clients.clear();
    ASSERT_TRUE(comes_to_hold(running.sink, 0));
  }
  EXPECT_EQ(running.sink.threads(), 2U);
}

// A table's descriptors are numbers that mean other files in the rest of the process.
TEST(Sink, leaves_the_descriptors_of_the_process_alone) {
  std::array<os::Fd, 40> ours;
  for (os::Fd& fd : ours) fd = os::Fd(::dup(STDERR_FILENO));
  {
    Running running({.ports = {0}, .accept = true, .descriptors_per_thread = 4});
    const std::vector<os::Fd> clients = connected_many(running.sink.ports().front(), 10);
    ASSERT_TRUE(comes_to_hold(running.sink, 10));
  }
  for (const os::Fd& fd : ours) EXPECT_GE(::fcntl(fd.get(), F_GETFD), 0);
}

TEST(Sink, may_be_stopped_and_started_again_on_the_same_port) {
  for (const bool accept : {false, true}) {
    Running running({.ports = {0}, .accept = accept});
    const std::uint16_t port = running.sink.ports().front();
    for (int i = 0; i < 5; ++i) {
      const std::vector<os::Fd> clients = connected_many(port, 10);
      running.sink.stop();
      running.sink.stop();
      const Parsed<> again = running.sink.start({.ports = {port}, .accept = accept});
      ASSERT_TRUE(again) << again.error().text;
    }
  }
}

TEST(Sink, says_which_port_somebody_else_has) {
  Running first({.ports = {0}});
  const std::uint16_t port = first.sink.ports().front();
  Sink second;
  const Parsed<> started = second.start({.ports = {0, port}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, "cannot listen on port " + std::to_string(port) + ": bind: Address already in use");
  EXPECT_EQ(second.held(), 0U);
}

TEST(Sink, asks_for_a_queue_of_twice_what_a_port_must_hold) {
  EXPECT_EQ(somaxconn_for(1'000'000, 1), 2'000'000U);
  EXPECT_EQ(somaxconn_for(1'000'000, 3), 666'668U);
}

}  // namespace
}  // namespace sonde::world
