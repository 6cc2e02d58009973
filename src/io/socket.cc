#include "io/socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "os/error.h"
#include "os/sockaddr.h"

namespace sonde::io {
namespace {

// TCP_CLOSE of <netinet/tcp.h>, which does not go together with <linux/tcp.h>.
constexpr unsigned kTcpClose = 7;

bool set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value) == 0; }

}  // namespace

Result<> prepare_socket(int fd, const ConnectOptions& options) {
  if (options.keepalive > 0) {
    const int seconds =
        static_cast<int>(std::clamp<Nanos>(options.keepalive / kSecond, 1, 32767));  // the kernel's bound
    if (!set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) || !set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds) ||
        !set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds))
      return std::unexpected(os::error_from(errno, "setsockopt"));
  }
  if (options.hop_limit > 0) {  // of the socket's own family; the other call tells an error that does not matter
    const bool v4 = set(fd, IPPROTO_IP, IP_TTL, options.hop_limit);
    const bool v6 = set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, options.hop_limit);
    if (!v4 && !v6) return std::unexpected(os::error_from(errno, "setsockopt"));
  }
  if (options.source.is_unspecified()) return {};
  // Without it bind would take a port for good, one for all destinations; with it connect chooses one that is free to
  // this destination (ip(7)).
  set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  os::SockAddr address;
  os::fill(address, {.address = options.source, .port = 0});
  if (::bind(fd, address.get(), address.length) != 0) return std::unexpected(os::error_from(errno, "bind"));
  return {};
}

std::optional<TcpInfo> tcp_info_of(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  const bool has_window = length >= offsetof(tcp_info, tcpi_snd_wnd) + sizeof info.tcpi_snd_wnd;
  return TcpInfo{.rtt_us = info.tcpi_rtt,
                 .retransmits = std::max<std::uint32_t>(info.tcpi_total_retrans, info.tcpi_retransmits),
                 .unacked = info.tcpi_unacked,
                 .not_sent = info.tcpi_notsent_bytes,
                 .peer_window = has_window ? info.tcpi_snd_wnd : 0,
                 .has_peer_window = has_window,
                 .closed = info.tcpi_state == kTcpClose};
}

void close_with_reset(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(fd);
}

}  // namespace sonde::io
