// The seam between the engine and the kernel: completion-shaped, so that epoll, io_uring and the simulator look alike.
// One backend a shard, one thread. Connections are named by ConnectionId; the index is dense (a slab's), and a backend
// keeps its own small state by that index.
//
// Life of a connection here: connect → kConnect completion → any number of read/write, each answered by exactly one
// completion → close, or part. At most one read and one write are outstanding. After close (or an error returned by
// connect, or a failed kConnect followed by close) nothing more is delivered for that id, and the bytes of a write may
// go.
//
// Transport::kUdp and kPing: the same life. Connecting takes no packet; a read brings one datagram of the peer, at most
// kMostDatagram bytes of it; a write sends one. An ICMP error about what was sent fails the next read (kRefused: port
// unreachable; kUnreachable), and so does what this machine says of it (kNotPermitted); the write itself never fails.
// What comes while no read is outstanding waits, in bounds. close() has one mode then, and there is no farewell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "base/transport.h"

namespace sonde::io {

inline constexpr std::size_t kMostDatagram = 4096;

enum class Op : std::uint8_t { kConnect, kRead, kWrite, kWatch };

struct Completion {
  ConnectionId id;
  Op op = Op::kConnect;
  bool failed = false;
  bool readable = false;       // kWatch
  bool writable = false;       // kWatch
  int fd = -1;                 // kWatch
  Error error;                 // when failed
  std::span<std::byte> data;   // kRead: what came; of TCP, empty is FIN. In a lent slot, valid until the next wait().
  std::uint8_t hop_limit = 0;  // kRead, Transport::kPing: TTL or hop limit of what came; 0: unknown
  const IcmpError* icmp = nullptr;  // a failed kRead of datagrams: what was said, if it is known; as long as data
};

// How a socket is made. The default is the cheapest there is.
struct ConnectOptions {
  IpAddress source;     // unspecified: the kernel chooses
  Nanos keepalive = 0;  // TCP keepalive after so long without traffic, and every so long from then on; 0: none
  Transport transport = Transport::kTcp;
  std::uint8_t hop_limit = 0;  // TTL of what is sent; 0: the kernel's
  bool dont_fragment = false;  // DF, and no splitting here

  bool plain() const { return source.is_unspecified() && keepalive == 0 && hop_limit == 0 && !dont_fragment; }
};

// How soon a read expects its answer; the verdicts are the same.
enum class Patience : std::uint8_t {
  kSoon,
  kIdle,  // perhaps never: the kernel shall hold as little as it can meanwhile
};

// What the kernel knows of a connection (TCP_INFO). Sizes in bytes.
struct TcpInfo {
  std::uint32_t rtt_us = 0;       // smoothed; 0 when nothing was acknowledged yet
  std::uint32_t retransmits = 0;  // segments sent again, of the connection's whole life; SYNs too
  std::uint32_t unacked = 0;      // segments on the way
  std::uint32_t not_sent = 0;     // written, kept back here
  std::uint32_t peer_window = 0;  // what the peer is ready to take
  bool has_peer_window = false;   // Linux 5.4 and later tell it
  bool closed = false;            // reset by the peer or given up by the kernel: nothing is on the way any more
};

enum class CloseMode : std::uint8_t {
  kReset,  // RST: no TIME_WAIT here, no work for the peer; what a prober does after its verdict
  // FIN after what was written. RST if a write is outstanding: a peer shall not take a part for the whole. (RST from
  // the kernel, too, where the peer's bytes were left unread.)
  kGraceful,
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;

  // The time as of the last wait() or refresh(): constant while completions are handled.
  virtual Nanos now() const = 0;
  // Reads the clock again, for acts that must be timed one by one.
  virtual Nanos refresh() = 0;

  // Starts a connection. An Error here is what the kernel said at once: a local fault (os::is_local), or the
  // target's state known without waiting. Nothing is left behind then.
  virtual Result<> connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) = 0;
  Result<> connect(ConnectionId id, const Endpoint& endpoint) { return connect(id, endpoint, {}); }
  // Asks for the next bytes.
  virtual void read(ConnectionId id, Patience patience) = 0;
  void read(ConnectionId id) { read(id, Patience::kSoon); }
  // Writes all of `bytes`, which are not empty and must stay valid until the kWrite completion, or close.
  virtual void write(ConnectionId id, std::span<const std::byte> bytes) = 0;
  virtual void close(ConnectionId id, CloseMode mode) = 0;
  // Sends `farewell` as far as the kernel takes it without waiting, and closes behind it. At most kMostFarewell bytes,
  // copied. REQUIRES: connected, and no write is outstanding.
  static constexpr std::size_t kMostFarewell = 256;
  virtual void part(ConnectionId id, std::span<const std::byte> farewell, CloseMode mode) = 0;
  // Nothing where the connection is gone, or where this backend cannot ask. Costs a few system calls.
  virtual std::optional<TcpInfo> tcp_info(ConnectionId id) = 0;

  // Watches a descriptor that is not a connection (a resolver's socket), level-triggered. Both false: forget it; call
  // that before the descriptor is closed.
  virtual Result<> watch(int fd, bool read, bool write) = 0;

  // Waits until something completed, or `until`. The span is valid until the next call.
  virtual std::span<Completion> wait(Nanos until) = 0;

  // Closes what is left and returns when the kernel has let go of it. After it only the destructor, from any thread;
  // everything else, this too, is called from the thread that owns the backend.
  virtual void drain() = 0;
};

}  // namespace sonde::io
