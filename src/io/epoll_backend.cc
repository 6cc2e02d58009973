#include "io/epoll_backend.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "io/socket.h"
#include "os/error.h"
#include "os/machine.h"
#include "os/sockaddr.h"

namespace sonde::io {
namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr int kEventsPerWait = 512;

std::uint64_t pack(ConnectionId id) { return std::uint64_t{id.generation} << 32 | id.index; }

}  // namespace

Result<std::unique_ptr<EpollBackend>> EpollBackend::create(memory::RingPool& pool) {
  Result<WatchSet> watches = WatchSet::create();
  if (!watches) return std::unexpected(watches.error());
  return std::unique_ptr<EpollBackend>(new EpollBackend(std::move(*watches), pool));
}

EpollBackend::EpollBackend(WatchSet watches, memory::RingPool& pool)
    : watches_(std::move(watches)), pool_(pool), datagrams_(watches_, pool), now_(os::monotonic_now()) {}

EpollBackend::~EpollBackend() { drain(); }

void EpollBackend::drain() {
  for (Socket& socket : sockets_)
    if (socket.fd >= 0) close_with_reset(std::exchange(socket.fd, -1));
  completions_.clear();
  leases_.clear();
  datagrams_.drain();
}

Nanos EpollBackend::refresh() { return now_ = os::monotonic_now(); }

EpollBackend::Socket* EpollBackend::find(ConnectionId id) {
  if (id.index >= sockets_.size()) return nullptr;
  Socket& socket = sockets_[id.index];
  return socket.fd >= 0 && socket.generation == id.generation ? &socket : nullptr;
}

Result<> EpollBackend::connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) {
  if (options.transport != Transport::kTcp) return datagrams_.connect(id, endpoint, options);
  const int fd = ::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(os::error_from(errno, "socket"));
  if (!options.plain()) {
    if (const Result<> prepared = prepare_socket(fd, options); !prepared) {
      ::close(fd);
      return prepared;
    }
  }
  os::SockAddr address;
  os::fill(address, endpoint);
  const bool at_once = ::connect(fd, address.get(), address.length) == 0;
  if (!at_once && errno != EINPROGRESS) {
    const Error error = os::error_from(errno, "connect");
    ::close(fd);
    return std::unexpected(error);
  }
  if (id.index >= sockets_.size()) sockets_.resize(std::max<std::size_t>(id.index + 1, sockets_.size() * 3 / 2));
  Socket& socket = sockets_[id.index];
  SONDE_CHECK(socket.fd < 0, "connect on a slot that is in use");
  socket = Socket{.fd = fd, .generation = id.generation};
  if (at_once) {  // registered when it first reads or must wait to write
    immediate_.push_back({.id = id, .op = Op::kConnect});
    return {};
  }
  socket.connecting = true;
  if (Result<> added = add_to_epoll(socket, id); !added) {
    close_with_reset(fd);
    socket.fd = -1;
    return added;
  }
  return {};
}

Result<> EpollBackend::add_to_epoll(Socket& socket, ConnectionId id) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = pack(id);
  if (epoll_ctl(watches_.epoll(), EPOLL_CTL_ADD, socket.fd, &event) != 0) {
    Error error = os::error_from(errno, "epoll_ctl");
    if (errno == ENOSPC) error.kind = ErrorKind::kNoMemory;  // fs.epoll.max_user_watches: a limit of this machine
    return std::unexpected(error);
  }
  socket.registered = true;
  return {};
}

void EpollBackend::read(ConnectionId id, Patience patience) {
  (void)patience;  // one registration serves both
  Socket* socket = find(id);
  if (socket == nullptr) {
    datagrams_.read(id);
    return;
  }
  SONDE_CHECK(!socket->connecting && !socket->wants_read, "read without a connection, or twice");
  socket->wants_read = true;
  if (!socket->registered) {
    // A readable edge may have come and gone before registration; epoll reports the state at EPOLL_CTL_ADD.
    if (Result<> added = add_to_epoll(*socket, id); !added) {
      socket->readable = true;  // without epoll only a read can tell: it will see the bytes, or fail
      queue(*socket, id);
    }
    return;
  }
  if (socket->readable || socket->hung_up) queue(*socket, id);
}

void EpollBackend::write(ConnectionId id, std::span<const std::byte> bytes) {
  Socket* socket = find(id);
  if (socket == nullptr) {
    datagrams_.write(id, bytes);
    return;
  }
  SONDE_CHECK(!socket->connecting && !socket->wants_write, "write without a connection, or twice");
  socket->wants_write = true;
  socket->unwritten = bytes;
  queue(*socket, id);
}

void EpollBackend::close(ConnectionId id, CloseMode mode) {
  Socket* socket = find(id);
  if (socket == nullptr) {
    datagrams_.close(id);
    return;
  }
  if (mode == CloseMode::kReset || socket->wants_write) {
    close_with_reset(socket->fd);
  } else {
    ::close(socket->fd);
  }
  *socket = Socket{.fd = -1, .generation = id.generation};
}

void EpollBackend::part(ConnectionId id, std::span<const std::byte> farewell, CloseMode mode) {
  Socket* socket = find(id);
  SONDE_CHECK(socket != nullptr && !socket->connecting && !socket->wants_write && farewell.size() <= kMostFarewell,
              "a farewell without a connection, behind a write, or too long");
  (void)::send(socket->fd, farewell.data(), farewell.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  close(id, mode);
}

std::optional<TcpInfo> EpollBackend::tcp_info(ConnectionId id) {
  const Socket* socket = find(id);
  return socket == nullptr ? std::nullopt : tcp_info_of(socket->fd);
}

Result<> EpollBackend::watch(int fd, bool read, bool write) { return watches_.watch(fd, read, write); }

std::span<Completion> EpollBackend::wait(Nanos until) {
  completions_.clear();
  leases_.clear();
  completions_.swap(immediate_);
  std::erase_if(completions_, [this](const Completion& completion) { return find(completion.id) == nullptr; });
  const bool busy = !completions_.empty() || !ready_.empty();
  until = datagrams_.begin_wait(until);
  std::array<epoll_event, kEventsPerWait> events;
  const int count = watches_.wait(events, busy ? 0 : until);
  refresh();
  for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) on_event(event);
  run_ready();
  datagrams_.end_wait(completions_);
  return completions_;
}

void EpollBackend::on_foreign(const epoll_event& event) {
  Completion watched;
  if (WatchSet::is_watch(event, watched)) {
    completions_.push_back(watched);
  } else {
    datagrams_.on_event(event);
  }
}

void EpollBackend::on_event(const epoll_event& event) {
  if (!WatchSet::is_own(event)) {
    on_foreign(event);
    return;
  }
  const std::uint32_t events = event.events;
  const ConnectionId id{.index = static_cast<std::uint32_t>(event.data.u64),
                        .generation = static_cast<std::uint32_t>(event.data.u64 >> 32)};
  Socket* socket = find(id);
  if (socket == nullptr) return;  // closed while its event was on the way
  if ((events & EPOLLIN) != 0) socket->readable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket->hung_up = true;
  if (socket->connecting) {
    finish_connect(*socket, id, events);
    return;
  }
  if (socket->wants_read || socket->wants_write) queue(*socket, id);
}

void EpollBackend::finish_connect(Socket& socket, ConnectionId id, std::uint32_t events) {
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  socket.connecting = false;
  if ((events & (EPOLLERR | EPOLLHUP)) == 0) {
    completions_.push_back({.id = id, .op = Op::kConnect});
    return;
  }
  int so_error = 0;
  socklen_t length = sizeof so_error;
  getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &so_error, &length);
  // A RST to the SYN is ECONNREFUSED. ECONNRESET and EPIPE mean that the handshake was complete and the RST came behind
  // it, before we looked: the connection was there, and the next read tells of its end. EPIPE: a FIN came before the
  // RST, and a read tells of that.
  if (so_error == 0 || so_error == ECONNRESET || so_error == EPIPE) {
    socket.was_reset = so_error == ECONNRESET;
    completions_.push_back({.id = id, .op = Op::kConnect});
    return;
  }
  completions_.push_back({.id = id, .op = Op::kConnect, .failed = true, .error = os::error_from(so_error, "connect")});
}

void EpollBackend::queue(Socket& socket, ConnectionId id) {
  if (socket.queued) return;
  socket.queued = true;
  ready_.push_back(id);
}

// What wanted to read or write and can be tried. Drained from a list, never by recursion.
void EpollBackend::run_ready() {
  trying_.clear();
  trying_.swap(ready_);
  for (const ConnectionId id : trying_) {
    Socket* socket = find(id);
    if (socket == nullptr) continue;
    socket->queued = false;
    if (socket->wants_write) do_write(*socket, id);
    if (socket->wants_read) do_read(*socket, id);
  }
}

void EpollBackend::do_read(Socket& socket, ConnectionId id) {
  memory::Lease lease = pool_.lend(kReadBytes);
  const ssize_t got = ::recv(socket.fd, lease.bytes().data(), lease.bytes().size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    socket.readable = false;
    socket.hung_up = false;
    return;  // the next edge queues it again
  }
  socket.wants_read = false;
  if (got < 0 || (got == 0 && socket.was_reset)) {
    const int fault = got < 0 ? errno : ECONNRESET;
    completions_.push_back({.id = id, .op = Op::kRead, .failed = true, .error = os::error_from(fault, "recv")});
    return;
  }
  // A short read has emptied the socket, unless the FIN stands behind it.
  socket.readable = static_cast<std::size_t>(got) == lease.bytes().size();
  completions_.push_back({.id = id, .op = Op::kRead, .data = lease.bytes().first(static_cast<std::size_t>(got))});
  leases_.push_back(std::move(lease));
}

void EpollBackend::do_write(Socket& socket, ConnectionId id) {
  while (!socket.unwritten.empty()) {
    const ssize_t put = ::send(socket.fd, socket.unwritten.data(), socket.unwritten.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      if (socket.registered) return;  // EPOLLOUT queues it again
      if (Result<> added = add_to_epoll(socket, id); added) return;
    }
    if (put < 0) {
      socket.was_reset = socket.was_reset || errno == ECONNRESET;
      socket.wants_write = false;
      completions_.push_back({.id = id, .op = Op::kWrite, .failed = true, .error = os::error_from(errno, "send")});
      return;
    }
    socket.unwritten = socket.unwritten.subspan(static_cast<std::size_t>(put));
  }
  socket.wants_write = false;
  completions_.push_back({.id = id, .op = Op::kWrite});
}

}  // namespace sonde::io
