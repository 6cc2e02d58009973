// The datagram "connections" of a kernel backend: peers that are asked over a few shared sockets in the backend's epoll
// instance. What a peer costs is its datagrams: one sendto and its share of a recvmmsg.
//
// A peer has the socket to itself as far as its endpoint goes: two connections to one endpoint go over two sockets.
// More sockets are opened as more peers are open, so that each has room for the answers of its own.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "io/backend.h"
#include "io/datagram_socket.h"
#include "io/watch_set.h"
#include "memory/ring_pool.h"

namespace sonde::io {

class Datagrams {
 public:
  // Both outlive it.
  Datagrams(WatchSet& watches, memory::RingPool& pool) : watches_(watches), pool_(pool) {}

  // As of Backend.
  Result<> connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options);
  void read(ConnectionId id);
  void write(ConnectionId id, std::span<const std::byte> bytes);
  void close(ConnectionId id);
  void drain();

  bool in_use() const { return !sockets_.empty(); }  // epoll tells of datagrams

  // A turn of Backend::wait: what the last one lent is taken back, and the time given until which it may sleep; then
  // events; then the completions are appended.
  Nanos begin_wait(Nanos until);
  void on_event(const epoll_event& event);  // REQUIRES: of kDatagramIndex
  void end_wait(std::vector<Completion>& out);

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Peer {
    std::uint32_t generation = 0;
    std::uint32_t next = kNone;  // in the chain of its hash
    Endpoint endpoint;
    IpAddress source;
    std::span<const std::byte> unwritten;
    std::uint16_t socket = 0;
    std::uint8_t hop_limit = 0;  // 0: the kernel's
    std::uint8_t waiting = 0;    // arrivals that no read has taken
    bool open : 1 = false;
    bool wants_read : 1 = false;
    bool writing : 1 = false;
  };

  Peer* find(ConnectionId id);
  Result<std::uint16_t> choose_socket(const Endpoint& endpoint, const ConnectOptions& options);
  Result<std::uint16_t> open_socket(Transport transport, bool v4, bool whole);
  std::uint64_t hash(std::uint16_t socket, const Endpoint& endpoint) const;
  std::uint32_t lookup(std::uint16_t socket, const Endpoint& endpoint) const;
  void link(std::uint32_t index);
  void chain(std::uint32_t index);
  void unlink(std::uint32_t index);
  bool try_write(ConnectionId id, Peer& peer);
  void retry_blocked();
  void name_arrivals(std::uint16_t socket, std::size_t from);

  WatchSet& watches_;
  memory::RingPool& pool_;
  std::unique_ptr<ReceiveBatch> batch_;
  std::vector<DatagramSocket> sockets_;
  std::vector<Peer> peers_;             // by ConnectionId::index
  std::vector<std::uint32_t> buckets_;  // by hash of socket and endpoint: the first peer of the chain
  std::uint32_t open_ = 0;
  std::uint32_t next_socket_ = 0;
  bool readable_ = false;             // an arrival waits, and a read for it
  std::deque<ConnectionId> blocked_;  // writes that the kernel has no room for at the moment
  std::vector<ConnectionId> connected_;
  std::vector<ConnectionId> written_;
  std::vector<Arrival> arrivals_;   // in the order that they came
  std::vector<Arrival> delivered_;  // behind the completions of the last wait
};

}  // namespace sonde::io
