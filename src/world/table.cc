#include "world/table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "os/error.h"
#include "os/machine.h"
#include "os/sockaddr.h"

namespace sonde::world {

using population::Act;
using population::Arrival;

namespace {

constexpr std::uint64_t kListenerBit = std::uint64_t{1} << 40;  // epoll data: a listener's index, else a descriptor
constexpr int kBacklog = 4096;
constexpr int kAcceptsAtOnce = 256;
constexpr int kDeafSeconds = 60;    // longer than any client waits
constexpr int kLongestWaitMs = 20;  // how soon a stop is seen

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }
void set_on(int fd, int level, int option) { set(fd, level, option, 1); }

// Every packet to the socket is dropped before TCP sees it: its SYNs stay unanswered.
bool drop_all(int fd) {
  sock_filter nothing = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
  const sock_fprog program = {.len = 1, .filter = &nothing};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

// The same for an open connection, which will not hear its client leave either: keepalive ends it.
bool deafen(int fd) {
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kDeafSeconds);
  set_on(fd, IPPROTO_TCP, TCP_KEEPINTVL);
  set_on(fd, IPPROTO_TCP, TCP_KEEPCNT);
  set_on(fd, SOL_SOCKET, SO_KEEPALIVE);
  return drop_all(fd);
}

// Closes with RST instead of FIN.
void reset(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

bool is_wildcard(const Endpoint& endpoint) { return endpoint.address == IpAddress::v4(0); }

}  // namespace

std::future<std::string> Server::Table::start() {
  std::future<std::string> answer = ready_.get_future();
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    ready_.set_value(fmt::format("cannot start a thread: {}", error.code().message()));
  }
  return answer;
}

void Server::Table::run() {
  const std::string trouble = set_up();
  ready_.set_value(trouble);
  if (trouble.empty()) serve();
  close_all();
}

void Server::Table::close_all() {
  for (std::size_t fd = 0; fd < connections_.size(); ++fd)
    if (connections_[fd].role != nullptr) close(static_cast<int>(fd), true);
  for (const Listener& listener : listeners_) ::close(listener.fd);
  epoll_.reset();
  reserve_.reset();
}

std::string Server::Table::set_up() {
  if (unshare(CLONE_FILES) != 0) return os::describe(os::error_from(errno, "unshare"));
  // The copies of what the process had open are not this thread's to hold: a pipe's other side waits for its end.
  close_range(3, ~0U, 0);
  epoll_ = os::Fd(epoll_create1(EPOLL_CLOEXEC));
  reserve_ = os::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!epoll_ || !reserve_) return os::describe(os::error_from(errno, "epoll_create1"));
  for (const Endpoint& endpoint : endpoints_)
    if (std::string trouble = listen_on(endpoint); !trouble.empty()) return trouble;
  return {};
}

std::string Server::Table::listen_on(const Endpoint& endpoint) {
  const bool wildcard = is_wildcard(endpoint);
  const auto trouble = [&](const char* act) {
    return fmt::format("cannot listen on {}: {}", to_string(endpoint), os::describe(os::error_from(errno, act)));
  };
  const int fd = ::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return trouble("socket");
  listeners_.push_back({.fd = fd, .endpoint = endpoint});
  set_on(fd, SOL_SOCKET, SO_REUSEADDR);
  const population::Population& people = *options_.population;
  const bool silent = wildcard ? !people.has(Arrival::kAccept) : people.role_of(endpoint).arrival == Arrival::kSilent;
  // A listener on an address beside one on the wildcard needs it, on both, and so do several on the wildcard.
  if (uses_wildcard(options_)) set_on(fd, SOL_SOCKET, SO_REUSEPORT);
  // The wildcard must not answer the network. Where the kernel does not let us, belongs_here() still turns it away.
  if (wildcard) setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo");
  if (silent && !drop_all(fd)) return trouble("attach a filter");
  os::SockAddr address;
  os::fill(address, endpoint);
  if (::bind(fd, address.get(), address.length) != 0) return trouble("bind");
  if (::listen(fd, kBacklog) != 0) return trouble("listen");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListenerBit | (listeners_.size() - 1);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return trouble("epoll_ctl");
  return {};
}

void Server::Table::serve() {
  std::array<epoll_event, 256> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    int wait_ms = kLongestWaitMs;
    if (!wakes_.empty())
      wait_ms = static_cast<int>(std::clamp<Nanos>(
          (wakes_.top().at - os::monotonic_now() + kMillisecond - 1) / kMillisecond, 0, kLongestWaitMs));
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
      if ((data & kListenerBit) != 0) {
        accept_some(listeners_[data & ~kListenerBit]);
      } else {
        on_connection(static_cast<int>(data));
      }
    }
    run_wakes(os::monotonic_now());
  }
}

void Server::Table::accept_some(const Listener& listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE) make_room(listener);
      return;
    }
    accepted_.fetch_add(1, std::memory_order_relaxed);
    Endpoint local = listener.endpoint;
    if (is_wildcard(local)) {
      os::SockAddr address;
      address.length = sizeof address.storage;
      if (getsockname(fd, address.get(), &address.length) == 0) local = os::endpoint_of(address);
      if (!belongs_here(local.address)) {
        reset(fd);
        continue;
      }
    }
    open(fd, local);
  }
}

// True for an address in the prefix; the wildcard hears others too.
bool Server::Table::belongs_here(const IpAddress& address) const {
  return address.is_v4() &&
         ((address.v4_bits() ^ options_.prefix.v4_bits()) & (~std::uint32_t{0} << (32 - options_.prefix_length))) == 0;
}

// The table is full: the descriptor that was kept for this lets the oldest waiting client be taken and turned away, so
// that the listener does not ask for ever.
void Server::Table::make_room(const Listener& listener) {
  reserve_.reset();
  const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) reset(fd);
  reserve_ = os::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Server::Table::open(int fd, const Endpoint& local) {
  if (static_cast<std::size_t>(fd) >= connections_.size())
    connections_.resize(static_cast<std::size_t>(fd) * 3 / 2 + 64);
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  connection = {.role = &options_.population->role_of(local), .generation = connection.generation + 1};
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = static_cast<std::uint64_t>(fd);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    close(fd, true);
    return;
  }
  play(fd);
}

void Server::Table::on_connection(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  if (connection.role == nullptr) return;  // closed earlier in this turn
  std::array<char, 4096> discarded;
  const ssize_t got = ::recv(fd, discarded.data(), discarded.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close(fd, false);
    return;
  }
  connection.from_client += static_cast<std::uint32_t>(got);
  play(fd);
}

// Plays the script until an act must wait.
void Server::Table::play(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  while (connection.act < connection.role->script.size()) {
    const Act& act = connection.role->script[connection.act];
    switch (act.kind) {
      case Act::Kind::kSend:
        // Scripts are far smaller than a fresh send buffer; what is refused all the same means that the peer is gone.
        if (::send(fd, act.bytes.data(), act.bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(act.bytes.size())) {
          close(fd, true);
          return;
        }
        break;
      case Act::Kind::kAwait:
        if (connection.from_client < act.count) return;
        connection.from_client = 0;
        break;
      case Act::Kind::kPause:
        ++connection.act;
        wakes_.push({.at = os::monotonic_now() + act.pause, .fd = fd, .generation = connection.generation});
        return;
      case Act::Kind::kDeafen:
        if (!deafen(fd)) {
          close(fd, true);
          return;
        }
        break;
      case Act::Kind::kReply:  // of datagrams, which the world does not serve
        break;
      case Act::Kind::kClose:
        ::shutdown(fd, SHUT_WR);
        break;
      case Act::Kind::kReset:
        close(fd, true);
        return;
    }
    ++connection.act;
  }
}

void Server::Table::close(int fd, bool with_reset) {
  if (with_reset) {
    reset(fd);
  } else {
    ::close(fd);
  }
  connections_[static_cast<std::size_t>(fd)].role = nullptr;
}

void Server::Table::run_wakes(Nanos now) {
  while (!wakes_.empty() && wakes_.top().at <= now) {
    const Wake wake = wakes_.top();
    wakes_.pop();
    const Connection& connection = connections_[static_cast<std::size_t>(wake.fd)];
    if (connection.role != nullptr && connection.generation == wake.generation) play(wake.fd);
  }
}

}  // namespace sonde::world
