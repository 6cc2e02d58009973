#include "io/datagram_socket.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "io/backend.h"
#include "os/error.h"

namespace sonde::io {
namespace {

constexpr int kReceiveBuffer = 4 << 20;  // many peers may answer between two turns
constexpr std::size_t kMostErrors = 64;  // a call
// <linux/icmp.h>, which does not go together with the C library's: setsockopt(SOL_RAW, ICMP_FILTER), a set bit blocks.
constexpr int kIcmpFilter = 1;
constexpr std::uint32_t kAllButEchoReply = ~std::uint32_t{1};  // ICMP_ECHOREPLY is 0

bool set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value) == 0; }

// A ping socket, else a raw one that hears nothing but echo replies.
Result<os::Fd> open_ping(bool v4, bool& raw) {
  const int family = v4 ? AF_INET : AF_INET6;
  const int protocol = v4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  os::Fd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  raw = !fd && (errno == EACCES || errno == EPERM);
  if (!raw) return fd ? Result<os::Fd>(std::move(fd)) : std::unexpected(os::error_from(errno, "ping socket"));
  fd = os::Fd(::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd) return std::unexpected(os::error_from(errno, "ping socket"));
  bool filtered = false;
  if (v4) {
    filtered = setsockopt(fd.get(), SOL_RAW, kIcmpFilter, &kAllButEchoReply, sizeof kAllButEchoReply) == 0;
  } else {
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    filtered = setsockopt(fd.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0;
  }
  if (!filtered) return std::unexpected(os::error_from(errno, "ICMP filter"));
  return fd;
}

// Control messages for one datagram (ip(7), ipv6(7)), one behind the other.
class Control {
 public:
  void source(const IpAddress& source) {
    os::SockAddr address;
    os::fill(address, {.address = source, .port = 0});
    if (source.is_v4()) {
      in_pktinfo info{};
      info.ipi_spec_dst = address.v4.sin_addr;
      add(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
      in6_pktinfo info{};
      info.ipi6_addr = address.storage.sin6_addr;
      add(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
  }
  void hop_limit(bool v4, int limit) {
    add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, &limit, sizeof limit);
  }
  bool empty() const { return size_ == 0; }
  void attach(msghdr& header) {
    header.msg_control = bytes_.data();
    header.msg_controllen = size_;
  }

 private:
  void add(int level, int type, const void* data, std::size_t size) {
    const cmsghdr head{.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    SONDE_CHECK(size_ + CMSG_SPACE(size) <= bytes_.size(), "no room for a control message");
    std::memcpy(bytes_.data() + size_, &head, sizeof head);
    std::memcpy(bytes_.data() + size_ + CMSG_LEN(0), data, size);
    size_ += CMSG_SPACE(size);
  }
  alignas(cmsghdr) std::array<std::byte, 128> bytes_{};
  std::size_t size_ = 0;
};

// Whatever an ICMP error turns into here (a filter's becomes EACCES, say): the peer was not reached.
Error error_of_icmp(int sys_errno) {
  Error error = os::error_from(sys_errno, "recv");
  if (error.kind != ErrorKind::kRefused) error.kind = ErrorKind::kUnreachable;
  return error;
}

}  // namespace

void ReceiveBatch::make_ready() {
  for (std::size_t i = 0; i < spent_; ++i) {
    leases_[i] = pool_.lend(kMostDatagram);
    parts_[i] = {.iov_base = leases_[i].bytes().data(), .iov_len = kMostDatagram};
    msghdr& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = from_[i].get();
    header.msg_namelen = sizeof from_[i].storage;
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].bytes.data();
    header.msg_controllen = control_[i].bytes.size();
  }
  spent_ = 0;
}

Result<DatagramSocket> DatagramSocket::open(Transport transport, bool v4, bool whole) {
  SONDE_CHECK(transport != Transport::kTcp, "TCP has no datagrams");
  bool raw = false;
  Result<os::Fd> opened =
      transport == Transport::kPing
          ? open_ping(v4, raw)
          : Result<os::Fd>(os::Fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return std::unexpected(os::error_from(errno, "socket"));
  const int fd = opened->get();
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer)) set(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  // Without it only some ICMP errors would be told, and of no peer.
  bool made = v4 ? set(fd, IPPROTO_IP, IP_RECVERR, 1) : set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
  if (!v4 && transport == Transport::kUdp) made = made && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (transport == Transport::kPing)
    made = made && (v4 ? set(fd, IPPROTO_IP, IP_RECVTTL, 1) : set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
  if (whole) {
    const int level = v4 ? static_cast<int>(IPPROTO_IP) : static_cast<int>(IPPROTO_IPV6);
    made = made && set(fd, level, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, IP_PMTUDISC_DO) &&  // and IPV6_PMTUDISC_DO
           (v4 || set(fd, level, IPV6_DONTFRAG, 1));
  }
  if (!made) return std::unexpected(os::error_from(errno, "setsockopt"));
  return DatagramSocket(std::move(*opened), transport, v4, raw, whole);
}

int DatagramSocket::send(const Endpoint& to, const IpAddress& source, std::uint8_t hop_limit,
                         std::span<const std::byte> bytes) const {
  os::SockAddr address;
  os::fill(address, to);
  Control control;
  if (!source.is_unspecified()) control.source(source);
  if (hop_limit > 0) control.hop_limit(v4_, hop_limit);
  for (;;) {
    ssize_t put = 0;
    if (control.empty()) {
      put = ::sendto(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.get(), address.length);
    } else {
      iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
      msghdr header{};
      header.msg_name = address.get();
      header.msg_namelen = address.length;
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      control.attach(header);
      put = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL);
    }
    if (put >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

bool DatagramSocket::receive(ReceiveBatch& batch, std::vector<Arrival>& out) const {
  const bool ping = transport_ == Transport::kPing;
  batch.make_ready();
  const int count = ::recvmmsg(fd_.get(), batch.headers_.data(), ReceiveBatch::kSize, MSG_DONTWAIT, nullptr);
  batch.spent_ = static_cast<std::size_t>(std::max(count, 0));
  for (std::size_t i = 0; i < batch.spent_; ++i) {
    Arrival arrival;
    arrival.lease = std::move(batch.leases_[i]);
    arrival.data = arrival.lease.bytes().first(std::min<std::size_t>(batch.headers_[i].msg_len, kMostDatagram));
    arrival.peer = os::endpoint_of(batch.from_[i]);
    if (ping) {
      arrival.peer.port = 0;
      read_control(batch.headers_[i].msg_hdr, arrival);
      if (raw_ && v4_) {  // with its IPv4 header
        const std::size_t header =
            arrival.data.empty() ? 0 : std::to_integer<std::size_t>(arrival.data[0] & std::byte{15}) * 4;
        if (header < sizeof(iphdr) || header > arrival.data.size()) continue;
        arrival.data = arrival.data.subspan(header);
      }
    }
    out.push_back(std::move(arrival));
  }
  return batch.spent_ == ReceiveBatch::kSize;
}

void DatagramSocket::read_control(const msghdr& header, Arrival& arrival) const {
  auto& mutable_header = const_cast<msghdr&>(header);
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&mutable_header, control)) {
    const bool hops = v4_ ? control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TTL
                          : control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_HOPLIMIT;
    if (!hops || control->cmsg_len < CMSG_LEN(sizeof(int))) continue;
    int limit = 0;
    std::memcpy(&limit, CMSG_DATA(control), sizeof limit);
    arrival.hop_limit = static_cast<std::uint8_t>(limit);
  }
}

std::size_t DatagramSocket::receive_errors(std::vector<Arrival>& out) const {
  std::size_t told = 0;
  for (std::size_t taken = 0; taken < kMostErrors; ++taken) {
    os::SockAddr to;
    alignas(cmsghdr) std::array<std::byte, 256> control;
    msghdr header{};
    header.msg_name = to.get();
    header.msg_namelen = sizeof to.storage;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    if (::recvmsg(fd_.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
      const bool error = v4_ ? each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR
                             : each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR;
      sock_extended_err what{};
      if (!error || each->cmsg_len < CMSG_LEN(sizeof what) || header.msg_namelen == 0) continue;
      std::memcpy(&what, CMSG_DATA(each), sizeof what);
      // This machine's own (a datagram too long for the way, as it learned) is what send() said already.
      if (what.ee_origin != SO_EE_ORIGIN_ICMP && what.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
      Arrival arrival;
      arrival.peer = os::endpoint_of(to);
      if (transport_ == Transport::kPing) arrival.peer.port = 0;
      arrival.failed = true;
      arrival.error = error_of_icmp(static_cast<int>(what.ee_errno));
      arrival.has_icmp = true;
      arrival.icmp.type = what.ee_type;
      arrival.icmp.code = what.ee_code;
      if (each->cmsg_len >= CMSG_LEN(sizeof what + (v4_ ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)))) {
        os::SockAddr offender;
        offender.storage = {};
        std::memcpy(&offender.storage, CMSG_DATA(each) + sizeof what, v4_ ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        if (offender.any.sa_family == AF_INET || offender.any.sa_family == AF_INET6)
          arrival.icmp.from = os::endpoint_of(offender).address;
      }
      out.push_back(std::move(arrival));
      ++told;
    }
  }
  return told;
}

}  // namespace sonde::io
