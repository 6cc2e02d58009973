#include "io/datagrams.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/mix.h"
#include "os/error.h"
#include "os/machine.h"

namespace sonde::io {
namespace {

constexpr std::uint32_t kPeersPerSocket = 256;  // open; then another socket joins in
constexpr std::uint32_t kUsualSockets = 16;     // of a kind (transport, family, DF), whatever the number of peers
constexpr std::uint32_t kMostSockets = 64;      // of a kind, where one endpoint is asked over many connections at once
constexpr int kMostBatches = 8;                 // of a socket, a wait
constexpr std::uint8_t kMostWaiting = 8;        // arrivals that a peer's reads have not taken
constexpr Nanos kBlockedRetry = kMillisecond;
constexpr int kMostTries = 16;  // of a send that errors about other peers come between

bool is_full(int fault) { return fault == EAGAIN || fault == EWOULDBLOCK || fault == ENOBUFS || fault == ENOMEM; }

}  // namespace

Datagrams::Peer* Datagrams::find(ConnectionId id) {
  if (id.index >= peers_.size()) return nullptr;
  Peer& peer = peers_[id.index];
  return peer.open && peer.generation == id.generation ? &peer : nullptr;
}

Result<> Datagrams::connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) {
  const Result<std::uint16_t> socket = choose_socket(endpoint, options);
  if (!socket) return std::unexpected(socket.error());
  if (id.index >= peers_.size()) peers_.resize(std::max<std::size_t>(id.index + 1, peers_.size() * 3 / 2));
  Peer& peer = peers_[id.index];
  SONDE_CHECK(!peer.open, "connect on a slot that is in use");
  peer = Peer{.generation = id.generation,
              .endpoint = endpoint,
              .source = options.source,
              .socket = *socket,
              .hop_limit = options.hop_limit,
              .open = true};
  ++open_;
  link(id.index);
  connected_.push_back(id);
  return {};
}

// One that has no other connection to that endpoint. In turn, so that answers are spread over the sockets' buffers.
Result<std::uint16_t> Datagrams::choose_socket(const Endpoint& endpoint, const ConnectOptions& options) {
  const bool v4 = endpoint.address.is_v4();
  const std::uint32_t usual = std::min(kUsualSockets, 1 + open_ / kPeersPerSocket);
  std::uint32_t of_kind = 0;
  std::uint16_t free = 0;
  bool found = false;
  bool one_is_enough = false;
  const std::uint32_t start = next_socket_++;
  for (std::uint32_t i = 0; i < sockets_.size(); ++i) {
    const auto number = static_cast<std::uint16_t>((start + i) % sockets_.size());
    const DatagramSocket& socket = sockets_[number];
    if (socket.transport() != options.transport || socket.v4() != v4 || socket.whole() != options.dont_fragment)
      continue;
    ++of_kind;
    one_is_enough = socket.hears_all();
    if (found || lookup(number, endpoint) != kNone) continue;
    free = number;
    found = true;
  }
  if (found && (one_is_enough || of_kind >= usual)) return free;
  if (of_kind >= kMostSockets) return std::unexpected(Error{.kind = ErrorKind::kNoPorts, .what = "socket"});
  const Result<std::uint16_t> opened = open_socket(options.transport, v4, options.dont_fragment);
  if (!opened && found) return free;
  return opened;
}

Result<std::uint16_t> Datagrams::open_socket(Transport transport, bool v4, bool whole) {
  Result<DatagramSocket> socket = DatagramSocket::open(transport, v4, whole);
  if (!socket) return std::unexpected(socket.error());
  const auto number = static_cast<std::uint16_t>(sockets_.size());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = std::uint64_t{number} << 32 | WatchSet::kDatagramIndex;
  if (epoll_ctl(watches_.epoll(), EPOLL_CTL_ADD, socket->fd(), &event) != 0)
    return std::unexpected(os::error_from(errno, "epoll_ctl"));
  sockets_.push_back(std::move(*socket));
  if (!batch_) batch_ = std::make_unique<ReceiveBatch>(pool_);
  return number;
}

std::uint64_t Datagrams::hash(std::uint16_t socket, const Endpoint& endpoint) const {
  return mix64(endpoint.address.hash(), std::uint64_t{socket} << 16 | endpoint.port) & (buckets_.size() - 1);
}

std::uint32_t Datagrams::lookup(std::uint16_t socket, const Endpoint& endpoint) const {
  if (buckets_.empty()) return kNone;
  std::uint32_t index = buckets_[hash(socket, endpoint)];
  while (index != kNone && (peers_[index].socket != socket || peers_[index].endpoint != endpoint))
    index = peers_[index].next;
  return index;
}

void Datagrams::link(std::uint32_t index) {
  if (open_ > buckets_.size()) {
    buckets_.assign(std::max<std::size_t>(1024, buckets_.size() * 4), kNone);
    for (std::uint32_t i = 0; i < peers_.size(); ++i)
      if (peers_[i].open && i != index) chain(i);
  }
  chain(index);
}

void Datagrams::chain(std::uint32_t index) {
  Peer& peer = peers_[index];
  peer.next = std::exchange(buckets_[hash(peer.socket, peer.endpoint)], index);
}

void Datagrams::unlink(std::uint32_t index) {
  std::uint32_t* link = &buckets_[hash(peers_[index].socket, peers_[index].endpoint)];
  while (*link != index) link = &peers_[*link].next;
  *link = peers_[index].next;
}

void Datagrams::read(ConnectionId id) {
  Peer* peer = find(id);
  SONDE_CHECK(peer != nullptr && !peer->wants_read, "read without a connection, or twice");
  peer->wants_read = true;
  readable_ = readable_ || peer->waiting > 0;
}

void Datagrams::write(ConnectionId id, std::span<const std::byte> bytes) {
  Peer* peer = find(id);
  SONDE_CHECK(peer != nullptr && !peer->writing, "write without a connection, or twice");
  peer->writing = true;
  peer->unwritten = bytes;
  if (!blocked_.empty() || !try_write(id, *peer)) blocked_.push_back(id);
}

// False: the kernel has no room at the moment.
bool Datagrams::try_write(ConnectionId id, Peer& peer) {
  const DatagramSocket& socket = sockets_[peer.socket];
  int fault = socket.send(peer.endpoint, peer.source, peer.hop_limit, peer.unwritten);
  for (int tries = 1; fault != 0 && !is_full(fault) && tries < kMostTries; ++tries) {
    // It may be what an earlier datagram to another peer has met: once that is taken, this one can go.
    const std::size_t before = arrivals_.size();
    const bool others = socket.receive_errors(arrivals_) > 0;
    name_arrivals(peer.socket, before);
    if (!others) break;
    fault = socket.send(peer.endpoint, peer.source, peer.hop_limit, peer.unwritten);
  }
  if (is_full(fault)) return false;
  peer.writing = false;
  written_.push_back(id);
  if (fault != 0) {
    Arrival failure;
    failure.peer = peer.endpoint;
    failure.failed = true;
    failure.error = os::error_from(fault, "send");
    if (failure.error.kind == ErrorKind::kOther) failure.error.kind = ErrorKind::kUnreachable;  // too long for the way
    const std::size_t before = arrivals_.size();
    arrivals_.push_back(std::move(failure));
    name_arrivals(peer.socket, before);
  }
  return true;
}

// In their order, as far as there is room.
void Datagrams::retry_blocked() {
  while (!blocked_.empty()) {
    const ConnectionId id = blocked_.front();
    if (Peer* peer = find(id); peer != nullptr && !try_write(id, *peer)) return;
    blocked_.pop_front();
  }
}

void Datagrams::close(ConnectionId id) {
  Peer* peer = find(id);
  if (peer == nullptr) return;
  unlink(id.index);
  *peer = Peer{.generation = id.generation};
  --open_;
}

void Datagrams::drain() {
  arrivals_.clear();
  delivered_.clear();
  connected_.clear();
  written_.clear();
  blocked_.clear();
  peers_.clear();
  buckets_.clear();
  sockets_.clear();
  batch_.reset();
  open_ = 0;
}

Nanos Datagrams::begin_wait(Nanos until) {
  if (!in_use()) return until;
  delivered_.clear();
  retry_blocked();
  if (readable_ || !connected_.empty() || !written_.empty()) return 0;
  return blocked_.empty() ? until : std::min(until, os::monotonic_now() + kBlockedRetry);
}

void Datagrams::on_event(const epoll_event& event) {
  const auto number = static_cast<std::uint16_t>(event.data.u64 >> 32);
  const DatagramSocket& socket = sockets_[number];
  const std::size_t before = arrivals_.size();
  if ((event.events & EPOLLERR) != 0) (void)socket.receive_errors(arrivals_);
  if ((event.events & EPOLLIN) != 0)
    for (int batches = 0; batches < kMostBatches && socket.receive(*batch_, arrivals_); ++batches) continue;
  name_arrivals(number, before);
}

// Whose they are; what is nobody's, or more than waits for anybody, is dropped.
void Datagrams::name_arrivals(std::uint16_t socket, std::size_t from) {
  std::size_t kept = from;
  for (std::size_t i = from; i < arrivals_.size(); ++i) {
    const std::uint32_t index = lookup(socket, arrivals_[i].peer);
    if (index == kNone || peers_[index].waiting >= kMostWaiting) continue;
    ++peers_[index].waiting;
    readable_ = readable_ || peers_[index].wants_read;
    arrivals_[i].id = {.index = index, .generation = peers_[index].generation};
    if (kept != i) arrivals_[kept] = std::move(arrivals_[i]);
    ++kept;
  }
  arrivals_.resize(kept);
}

// Connects come last: what follows from them takes time, which shall not count as that of the answers.
void Datagrams::end_wait(std::vector<Completion>& out) {
  if (!in_use()) return;
  const auto tell = [&](std::vector<ConnectionId>& of, Op op) {
    for (const ConnectionId id : of)
      if (find(id) != nullptr) out.push_back({.id = id, .op = op});
    of.clear();
  };
  tell(written_, Op::kWrite);
  readable_ = false;
  delivered_.swap(arrivals_);  // stays as it is from here on: completions point into it
  for (Arrival& arrival : delivered_) {
    Peer* peer = find(arrival.id);
    if (peer == nullptr) continue;
    if (!peer->wants_read) {
      arrivals_.push_back(std::move(arrival));
      continue;
    }
    peer->wants_read = false;
    --peer->waiting;
    out.push_back({.id = arrival.id,
                   .op = Op::kRead,
                   .failed = arrival.failed,
                   .error = arrival.error,
                   .data = arrival.data,
                   .hop_limit = arrival.hop_limit,
                   .icmp = arrival.has_icmp ? &arrival.icmp : nullptr});
  }
  tell(connected_, Op::kConnect);
}

}  // namespace sonde::io
