#include "io/sim_backend.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace sonde::io {

using population::Act;
using population::Arrival;

SimBackend::SimBackend(const population::Population& population, SimOptions options)
    : population_(population), options_(options), random_state_(mix64(options.seed)) {
  delivered_.reserve(1024);
}

std::uint64_t SimBackend::random() { return mix64(random_state_++); }

bool SimBackend::chance(double share) { return share > 0 && static_cast<double>(random() >> 11) * 0x1.0p-53 < share; }

SimBackend::Socket* SimBackend::find(ConnectionId id) {
  if (id.index >= sockets_.size()) return nullptr;
  Socket& socket = sockets_[id.index];
  return socket.open && socket.generation == id.generation ? &socket : nullptr;
}

void SimBackend::post(Nanos at, ConnectionId id, EventKind kind, const char* bytes, std::uint32_t length) {
  events_.push({.at = at, .order = order_++, .id = id, .kind = kind, .bytes = bytes, .length = length});
}

Result<> SimBackend::connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) {
  if (open_ >= options_.descriptors) return std::unexpected(Error{.kind = ErrorKind::kNoDescriptors, .what = "socket"});
  if (chance(options_.no_memory)) return std::unexpected(Error{.kind = ErrorKind::kNoMemory, .what = "socket"});
  if (chance(options_.no_ports)) return std::unexpected(Error{.kind = ErrorKind::kNoPorts, .what = "connect"});
  if (id.index >= sockets_.size()) sockets_.resize(std::max<std::size_t>(id.index + 1, sockets_.size() * 2));
  Socket& socket = sockets_[id.index];
  SONDE_CHECK(!socket.open, "connect on a slot that is in use");
  std::string inbox = std::move(socket.inbox);  // keeps its storage
  inbox.clear();
  socket = Socket{.open = true, .generation = id.generation, .role = &population_.role_of(endpoint)};
  socket.inbox = std::move(inbox);
  if (options.transport != Transport::kTcp) {
    socket.datagrams = std::make_unique<Exchange>(Exchange{.ping = options.transport == Transport::kPing});
    socket.datagrams->icmp.from = endpoint.address;
  } else if (std::ranges::any_of(socket.role->script, [](const Act& act) { return act.reply != nullptr; })) {
    socket.stream = std::make_unique<Exchange>();
  }
  ++open_;
  const auto spread = static_cast<std::uint64_t>(options_.rtt_max - options_.rtt_min + 1);
  socket.rtt = options_.rtt_min + static_cast<Nanos>(mix64(options_.seed, endpoint.address.hash()) % spread);
  if (socket.datagrams) {
    post(now_, id, EventKind::kArrival);
    return {};
  }
  socket.arrives = now_ + socket.rtt;
  if (options_.prefix_carries > 0) {
    std::uint32_t& carried = carried_[endpoint.address.prefix_key()];
    if (carried == options_.prefix_carries) return {};
    ++carried;
    socket.carried = endpoint.address.prefix_key();
  }
  if (socket.role->arrival != Arrival::kSilent) post(socket.arrives, id, EventKind::kArrival);
  return {};
}

void SimBackend::read(ConnectionId id, Patience patience) {
  (void)patience;
  Socket* socket = find(id);
  SONDE_CHECK(socket != nullptr && !socket->wants_read, "read without a connection, or twice");
  socket->wants_read = true;
  // Answered through an event, never from within the call.
  if (socket->datagrams) {
    if (socket->datagrams->to_read > 0 || socket->datagrams->error) post(now_, id, EventKind::kBytes);
    return;
  }
  if (!socket->inbox.empty() || socket->fin || socket->reset) post(now_, id, EventKind::kBytes);
}

void SimBackend::write(ConnectionId id, std::span<const std::byte> bytes) {
  Socket* socket = find(id);
  SONDE_CHECK(socket != nullptr && socket->to_write == 0 && !bytes.empty(),
              "write without a connection, twice, or of nothing");
  socket->to_write = static_cast<std::uint32_t>(bytes.size());
  if (socket->datagrams) {
    socket->datagrams->requests.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    post(now_, id, EventKind::kWriteDone);
    return;
  }
  if (socket->stream) socket->stream->request.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // A full send buffer now and then: the rest is taken a moment later.
  const Nanos delay =
      random() % 8 == 0 ? static_cast<Nanos>(random() % static_cast<std::uint64_t>(5 * kMillisecond)) : 0;
  post(now_ + delay, id, EventKind::kWriteDone);
}

void SimBackend::close(ConnectionId id, CloseMode mode) {
  (void)mode;  // nobody on the other side looks
  Socket* socket = find(id);
  if (socket == nullptr) return;
  socket->open = false;
  socket->datagrams.reset();
  socket->stream.reset();
  --open_;
  if (socket->carried != 0) --carried_[socket->carried];
}

void SimBackend::part(ConnectionId id, std::span<const std::byte> farewell, CloseMode mode) {
  const Socket* socket = find(id);
  SONDE_CHECK(socket != nullptr && socket->to_write == 0 && farewell.size() <= kMostFarewell,
              "a farewell without a connection, behind a write, or too long");
  close(id, mode);
}

std::optional<TcpInfo> SimBackend::tcp_info(ConnectionId id) {
  const Socket* socket = find(id);
  if (socket == nullptr) return std::nullopt;
  // What is sent again is not modelled; a peer that accepted takes all there is, unless it is deaf.
  return TcpInfo{.rtt_us = socket->answered ? static_cast<std::uint32_t>(socket->rtt / kMicrosecond) : 0,
                 .unacked = socket->unacked ? 1U : 0U,
                 .not_sent = socket->to_write,
                 .peer_window = 65536,
                 .has_peer_window = true,
                 .closed = socket->reset};
}

Result<> SimBackend::watch(int fd, bool read, bool write) {
  (void)fd, (void)read, (void)write;
  return std::unexpected(Error{.kind = ErrorKind::kOther, .what = "the simulator has no descriptors"});
}

std::span<Completion> SimBackend::wait(Nanos until) {
  constexpr std::size_t kBatch = 512;  // delivered_ must not move while completions point into it
  completions_.clear();
  delivered_.clear();
  while (completions_.empty()) {
    if (events_.empty() || events_.top().at > until) {
      SONDE_CHECK(until != kNever, "the simulated world has nothing more to say, and nobody set a deadline");
      now_ = std::max(now_, until);
      break;
    }
    now_ = std::max(now_, events_.top().at);
    while (!events_.empty() && events_.top().at <= now_ && completions_.size() < kBatch) {
      const Event event = events_.top();
      events_.pop();
      run(event);
    }
  }
  return completions_;
}

void SimBackend::drain() {
  for (Socket& socket : sockets_) socket.open = false;
  open_ = 0;
  carried_.clear();
}

void SimBackend::run(const Event& event) {
  Socket* socket = find(event.id);
  if (socket == nullptr) return;  // closed meanwhile
  if (socket->datagrams && run_datagrams(*socket, event)) return;
  switch (event.kind) {
    case EventKind::kArrival:
      socket->answered = true;
      if (socket->role->arrival == Arrival::kAccept) {
        completions_.push_back({.id = event.id, .op = Op::kConnect});
        post(now_ + socket->rtt / 2, event.id, EventKind::kServer);
      } else {
        const ErrorKind kind =
            socket->role->arrival == Arrival::kRefuse ? ErrorKind::kRefused : ErrorKind::kUnreachable;
        completions_.push_back(
            {.id = event.id, .op = Op::kConnect, .failed = true, .error = {.kind = kind, .what = "connect"}});
      }
      return;
    case EventKind::kServer:
      socket->from_client += event.length;
      run_server(*socket, event.id);
      return;
    case EventKind::kBytes:
      socket->inbox.append(event.bytes == nullptr ? "" : event.bytes, event.length);
      break;
    case EventKind::kFin:
      socket->fin = true;
      break;
    case EventKind::kReset:
      socket->reset = true;
      break;
    case EventKind::kDatagram:
    case EventKind::kIcmp:
      return;  // of datagrams alone
    case EventKind::kWriteDone: {
      const std::uint32_t length = std::exchange(socket->to_write, 0);
      completions_.push_back({.id = event.id, .op = Op::kWrite});
      if (socket->deaf) {
        socket->unacked = true;
      } else {
        post(now_ + socket->rtt / 2, event.id, EventKind::kServer, nullptr, length);
      }
      return;
    }
  }
  answer_read(*socket, event.id);
}

// Runs the server's acts until one must wait.
void SimBackend::run_server(Socket& socket, ConnectionId id) {
  const std::span<const Act> script = socket.role->script;
  while (socket.act < script.size() && !socket.ended) {
    const Act& act = script[socket.act];
    switch (act.kind) {
      case Act::Kind::kSend:
        if (socket.datagrams) {
          send_datagram(socket, id, std::string(act.bytes));
        } else {
          send_cut(socket, id, act.bytes);
        }
        break;
      case Act::Kind::kReply:
        if (socket.datagrams) {
          send_datagram(socket, id, act.reply(socket.datagrams->request));
        } else {
          send_cut(socket, id, socket.stream->answers.emplace_back(act.reply(socket.stream->request)));
        }
        break;
      case Act::Kind::kAwait:
        if (socket.datagrams) {
          Exchange& exchange = *socket.datagrams;
          if (exchange.arrived == 0) return;
          --exchange.arrived;
          exchange.request = std::move(exchange.requests.front());
          exchange.requests.pop_front();
          break;
        }
        if (socket.from_client < act.count) return;  // the client's next bytes wake it
        socket.from_client = 0;
        break;
      case Act::Kind::kPause:
        ++socket.act;
        post(now_ + act.pause, id, EventKind::kServer);
        return;
      case Act::Kind::kDeafen:
        socket.deaf = true;
        break;
      case Act::Kind::kClose:
      case Act::Kind::kReset:
        socket.ended = true;
        if (socket.datagrams) return;
        socket.arrives = std::max(socket.arrives, now_ + socket.rtt / 2);
        post(socket.arrives, id, act.kind == Act::Kind::kClose ? EventKind::kFin : EventKind::kReset);
        return;
    }
    ++socket.act;
  }
}

// False: what happens is as with TCP.
bool SimBackend::run_datagrams(Socket& socket, const Event& event) {
  Exchange& exchange = *socket.datagrams;
  const Arrival arrival = socket.role->arrival;
  switch (event.kind) {
    case EventKind::kArrival:
      completions_.push_back({.id = event.id, .op = Op::kConnect});
      return true;
    case EventKind::kWriteDone:
      socket.to_write = 0;
      completions_.push_back({.id = event.id, .op = Op::kWrite});
      if (arrival == Arrival::kAccept && !socket.deaf) {
        post(now_ + socket.rtt / 2, event.id, EventKind::kServer, nullptr, 1);
      } else {
        exchange.requests.pop_back();
        if (arrival == Arrival::kRefuse || arrival == Arrival::kUnreachable)
          post(now_ + socket.rtt, event.id, EventKind::kIcmp);
      }
      return true;
    case EventKind::kServer: {
      if (event.length > 0) ++exchange.arrived;
      run_server(socket, event.id);
      const std::span<const Act> script = socket.role->script;
      while (socket.act == script.size() && exchange.arrived > 0 && script.front().kind == Act::Kind::kAwait) {
        socket.act = 0;
        run_server(socket, event.id);
      }
      return true;
    }
    case EventKind::kDatagram:
      ++exchange.to_read;
      break;
    case EventKind::kIcmp:
      exchange.error = arrival == Arrival::kRefuse ? ErrorKind::kRefused : ErrorKind::kUnreachable;
      exchange.icmp.type = 3;
      exchange.icmp.code = arrival == Arrival::kRefuse ? 3 : 1;
      break;
    default:
      break;
  }
  answer_datagram_read(socket, event.id);
  return true;
}

void SimBackend::send_datagram(Socket& socket, ConnectionId id, std::string bytes) {
  socket.arrives = std::max(socket.arrives, now_ + socket.rtt / 2);
  socket.datagrams->answers.push_back(std::move(bytes));
  post(socket.arrives, id, EventKind::kDatagram);
}

void SimBackend::answer_datagram_read(Socket& socket, ConnectionId id) {
  Exchange& exchange = *socket.datagrams;
  if (!socket.wants_read) return;
  Completion completion{.id = id, .op = Op::kRead};
  if (exchange.to_read > 0) {
    --exchange.to_read;
    delivered_.push_back(std::move(exchange.answers.front()));
    exchange.answers.pop_front();
    completion.data =
        std::as_writable_bytes(std::span(delivered_.back())).first(std::min(delivered_.back().size(), kMostDatagram));
    completion.hop_limit = exchange.ping ? 57 : 0;
  } else if (exchange.error) {
    completion.failed = true;
    completion.error = {.kind = *std::exchange(exchange.error, std::nullopt), .what = "recv"};
    completion.icmp = &exchange.icmp;
  } else {
    return;
  }
  socket.wants_read = false;
  completions_.push_back(completion);
}

void SimBackend::send_cut(Socket& socket, ConnectionId id, std::string_view bytes) {
  socket.arrives = std::max(socket.arrives, now_ + socket.rtt / 2);
  while (!bytes.empty()) {
    std::size_t piece = bytes.size();
    if (options_.cut_reads && random() % 2 == 0) piece = 1 + random() % bytes.size();
    post(socket.arrives, id, EventKind::kBytes, bytes.data(), static_cast<std::uint32_t>(piece));
    bytes.remove_prefix(piece);
    if (!bytes.empty()) socket.arrives += static_cast<Nanos>(random() % static_cast<std::uint64_t>(kMillisecond));
  }
}

void SimBackend::answer_read(Socket& socket, ConnectionId id) {
  if (!socket.wants_read) return;
  Completion completion{.id = id, .op = Op::kRead};
  if (!socket.inbox.empty()) {
    delivered_.push_back(std::exchange(socket.inbox, {}));
    completion.data = std::as_writable_bytes(std::span(delivered_.back()));
  } else if (socket.reset) {
    completion.failed = true;
    completion.error = {.kind = ErrorKind::kReset, .what = "recv"};
  } else if (!socket.fin) {
    return;
  }
  socket.wants_read = false;
  completions_.push_back(completion);
}

}  // namespace sonde::io
