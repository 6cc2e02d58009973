// One datagram socket that many peers share: UDP, or ICMP echo. Not connected, so that neither descriptors nor ports
// bound how many peers are asked at once (a host has 65,536 ping sockets, and 28,232 ports by default); whose a
// datagram is the caller finds by its source.
//
// ICMP echo: a ping socket (net.ipv4.ping_group_range says who may), whose echo identifier the kernel sets; where there
// is none a raw socket, which hears every echo reply to this host.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/transport.h"
#include "memory/ring_pool.h"
#include "os/fd.h"
#include "os/sockaddr.h"

namespace sonde::io {

// What came: a datagram of `peer`, or an error about one that went there.
struct Arrival {
  ConnectionId id{};  // the caller's
  Endpoint peer;
  memory::Lease lease;
  std::span<std::byte> data;  // in the lease; at most kMostDatagram bytes of the datagram
  std::uint8_t hop_limit = 0;
  bool failed = false;
  bool has_icmp = false;
  Error error;     // when failed
  IcmpError icmp;  // when has_icmp
};

// What a call of recvmmsg fills. One a backend; it holds on to its buffers between the calls.
class ReceiveBatch {
 public:
  static constexpr std::size_t kSize = 32;
  explicit ReceiveBatch(memory::RingPool& pool) : pool_(pool) {}

 private:
  friend class DatagramSocket;
  struct alignas(cmsghdr) Control {
    std::array<std::byte, 64> bytes;
  };
  void make_ready();

  memory::RingPool& pool_;
  std::size_t spent_ = kSize;  // the first so many entries are to be made ready
  std::array<mmsghdr, kSize> headers_{};
  std::array<iovec, kSize> parts_{};
  std::array<os::SockAddr, kSize> from_;
  std::array<Control, kSize> control_;
  std::array<memory::Lease, kSize> leases_;
};

class DatagramSocket {
 public:
  // whole: what it sends goes with DF and is not split here either, so that one too long for the way fails.
  // REQUIRES: transport is not kTcp. kNotPermitted: of kPing, this machine allows no ICMP echo to this user.
  static Result<DatagramSocket> open(Transport transport, bool v4, bool whole = false);

  int fd() const { return fd_.get(); }
  Transport transport() const { return transport_; }
  bool v4() const { return v4_; }
  bool whole() const { return whole_; }
  bool hears_all() const { return raw_; }  // what comes for other sockets of its kind too

  // Sends one datagram without waiting; source: unspecified, and hop_limit: 0, the kernel chooses. Gives 0 or errno,
  // which may be an ICMP error about another peer: receive_errors() takes it away.
  int send(const Endpoint& to, const IpAddress& source, std::uint8_t hop_limit, std::span<const std::byte> bytes) const;
  // Appends what came, a batch at most. True: there may be more.
  bool receive(ReceiveBatch& batch, std::vector<Arrival>& out) const;
  // Appends the ICMP errors that wait; gives how many.
  std::size_t receive_errors(std::vector<Arrival>& out) const;

 private:
  DatagramSocket(os::Fd fd, Transport transport, bool v4, bool raw, bool whole)
      : fd_(std::move(fd)), transport_(transport), v4_(v4), raw_(raw), whole_(whole) {}
  void read_control(const msghdr& header, Arrival& arrival) const;

  os::Fd fd_;
  Transport transport_;
  bool v4_;
  bool raw_;
  bool whole_;
};

}  // namespace sonde::io
