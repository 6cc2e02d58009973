#include "io/socket.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "os/fd.h"
#include "os/sockaddr.h"

namespace sonde::io {
namespace {

// Two ends of a TCP connection over loopback; `client` does not block.
struct Pair {
  os::Fd client;
  os::Fd server;
};

void drop_all(int fd) {
  sock_filter nothing = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
  const sock_fprog program = {.len = 1, .filter = &nothing};
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

struct Listener {
  // receive_buffer: of the connections it accepts; 0: the system's.
  explicit Listener(int receive_buffer = 0) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    os::fill(address, {.address = IpAddress::v4(0x7f000001), .port = 0});
    EXPECT_EQ(::bind(fd.get(), address.get(), address.length), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd.get(), address.get(), &address.length), 0);
  }
  os::Fd fd;
  os::SockAddr address;
};

Pair connect_to(Listener& listener) {
  Pair pair{.client = os::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), .server = {}};
  const int started = ::connect(pair.client.get(), listener.address.get(), listener.address.length);
  EXPECT_TRUE(started == 0 || errno == EINPROGRESS);
  pair.server = os::Fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(pair.server);
  return pair;
}

// Looks again until `wanted` holds; gives up after ten seconds.
template <typename Wanted>
TcpInfo info_when(int fd, Wanted wanted) {
  TcpInfo info;
  for (int i = 0; i < 10'000; ++i) {
    info = tcp_info_of(fd).value_or(TcpInfo{});
    if (wanted(info)) break;
    ::poll(nullptr, 0, 1);
  }
  return info;
}

TEST(TcpInfoOf, a_syn_without_an_answer_has_no_round_trip) {
  const Listener silent;
  drop_all(silent.fd.get());
  const os::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  os::SockAddr address = silent.address;
  ASSERT_NE(::connect(client.get(), address.get(), address.length), 0);
  const std::optional<TcpInfo> info = tcp_info_of(client.get());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->rtt_us, 0U);
  EXPECT_FALSE(info->closed);
}

TEST(TcpInfoOf, a_connection_has_a_round_trip_and_what_the_peer_took_is_acked) {
  Listener listener;
  const Pair pair = connect_to(listener);
  ASSERT_EQ(::send(pair.client.get(), "hello", 5, MSG_NOSIGNAL), 5);
  const TcpInfo info = info_when(pair.client.get(), [](const TcpInfo& now) { return now.unacked == 0; });
  EXPECT_GT(info.rtt_us, 0U);
  EXPECT_EQ(info.unacked, 0U);
  EXPECT_EQ(info.not_sent, 0U);
  EXPECT_GT(info.peer_window, 0U);
  EXPECT_TRUE(info.has_peer_window);
  EXPECT_FALSE(info.closed);
}

TEST(TcpInfoOf, what_a_peer_that_vanished_was_sent_stays_unacked_and_is_sent_again) {
  Listener listener;
  const Pair pair = connect_to(listener);
  drop_all(pair.server.get());
  ASSERT_EQ(::send(pair.client.get(), "hello", 5, MSG_NOSIGNAL), 5);
  const TcpInfo info = info_when(pair.client.get(), [](const TcpInfo& now) { return now.retransmits > 0; });
  EXPECT_GT(info.unacked, 0U);
  EXPECT_GT(info.retransmits, 0U);
  EXPECT_GT(info.peer_window, 0U);
}

TEST(TcpInfoOf, a_peer_that_never_reads_closes_its_window) {
  Listener listener(2048);
  const Pair pair = connect_to(listener);
  const int small = 16384;
  ASSERT_EQ(setsockopt(pair.client.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  std::array<std::byte, 4096> bytes{};
  // Until nothing more fits on either side, and all that the peer took is acknowledged.
  const TcpInfo info = info_when(pair.client.get(), [&](const TcpInfo& now) {
    while (::send(pair.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) continue;
    return now.peer_window == 0 && now.not_sent > 0;
  });
  EXPECT_TRUE(info.has_peer_window);
  EXPECT_EQ(info.peer_window, 0U);
  EXPECT_GT(info.not_sent, 0U);
}

TEST(TcpInfoOf, a_reset_connection_is_closed) {
  Listener listener;
  Pair pair = connect_to(listener);
  close_with_reset(pair.server.release());
  const TcpInfo info = info_when(pair.client.get(), [](const TcpInfo& now) { return now.closed; });
  EXPECT_TRUE(info.closed);
  EXPECT_GT(info.rtt_us, 0U) << "what was learned before stays";
}

TEST(TcpInfoOf, what_is_no_tcp_socket_has_none) {
  const os::Fd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(tcp_info_of(datagrams.get()));
}

}  // namespace
}  // namespace sonde::io
