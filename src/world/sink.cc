#include "world/sink.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "os/error.h"
#include "os/machine.h"
#include "os/sockaddr.h"

namespace sonde::world {
namespace {

constexpr std::uint64_t kListenerBit = std::uint64_t{1} << 40;  // epoll data: a listener, else a connection
constexpr std::uint64_t kStopBit = std::uint64_t{1} << 41;
constexpr int kAcceptsAtOnce = 256;
constexpr std::size_t kDrainedAtOnce = 1 << 16;

tcp_info queue_of(int listener) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return info;
}

bool watch(int epoll, int fd, std::uint64_t data) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = data;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Closes all descriptors but the standard ones and `kept`.
void close_all_but(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned first = 3;
  for (const int fd : kept) {
    if (static_cast<unsigned>(fd) > first) close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  close_range(first, ~0U, 0);
}

}  // namespace

// One accepting thread. Everything happens in it but start() and the destructor, which joins it.
class Sink::Table {
 public:
  explicit Table(Sink& sink) : sink_(sink) {}
  ~Table() {
    if (thread_.joinable()) thread_.join();
  }

  // Returns when it accepts: "", else what is wrong.
  std::string start();

 private:
  void run(std::promise<std::string> ready);
  std::string set_up();
  void serve();
  void set_listening(bool on);
  void accept_some(int listener);
  void table_is_full();
  void drain(int fd);

  Sink& sink_;
  std::thread thread_;
  int epoll_ = -1;  // in this thread's table
  bool listening_ = false;
  std::uint64_t open_ = 0;
  std::uint64_t most_open_ = 0;  // how many there were when the table was full
};

std::string Sink::Table::start() {
  std::promise<std::string> ready;
  std::future<std::string> answer = ready.get_future();
  try {
    thread_ = std::thread([this, &ready] { run(std::move(ready)); });
  } catch (const std::system_error& error) {
    return fmt::format("cannot start a thread: {}", error.code().message());
  }
  return answer.get();
}

void Sink::Table::run(std::promise<std::string> ready) {
  if (unshare(CLONE_FILES) != 0) {
    ready.set_value(os::describe(os::error_from(errno, "unshare")));
    return;
  }
  const std::string trouble = set_up();
  ready.set_value(trouble);
  if (trouble.empty()) serve();
  // The table is this thread's alone. What is in it is closed with RST, as the listeners had it set.
  close_range(3, ~0U, 0);
  sink_.accepted_.fetch_sub(open_, std::memory_order_relaxed);
}

std::string Sink::Table::set_up() {
  std::vector<int> kept = {sink_.stopping_.get()};
  for (const os::Fd& listener : sink_.listeners_) kept.push_back(listener.get());
  close_all_but(std::move(kept));
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return os::describe(os::error_from(errno, "epoll_create1"));
  if (watch(epoll_, sink_.stopping_.get(), kStopBit)) set_listening(true);
  if (!listening_) return os::describe(os::error_from(errno, "epoll_ctl"));
  return {};
}

void Sink::Table::set_listening(bool on) {
  for (const os::Fd& listener : sink_.listeners_) {
    if (on) {
      listening_ = watch(epoll_, listener.get(), kListenerBit | static_cast<std::uint64_t>(listener.get()));
    } else {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, listener.get(), nullptr);
      listening_ = false;
    }
  }
  sink_.listening_ += on ? (listening_ ? 1 : 0) : -1;
}

void Sink::Table::serve() {
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
      if ((data & kStopBit) != 0) return;
      if ((data & kListenerBit) == 0) {
        drain(static_cast<int>(data));
      } else if (listening_) {
        accept_some(static_cast<int>(data & ~kListenerBit));
      }
    }
  }
}

void Sink::Table::accept_some(int listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    if (sink_.options_.descriptors_per_thread != 0 && open_ >= sink_.options_.descriptors_per_thread) {
      table_is_full();
      return;
    }
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN)
        table_is_full();  // or the machine is: then the next thread finds that out at once, and waits
      return;
    }
    if (!watch(epoll_, fd, static_cast<std::uint64_t>(fd))) {
      ::close(fd);
      continue;
    }
    ++open_;
    sink_.accepted_.fetch_add(1, std::memory_order_relaxed);
  }
}

// Leaves the listeners to the others. They are taken up again when enough connections have ended here.
void Sink::Table::table_is_full() {
  set_listening(false);
  most_open_ = open_;
  // A thread that has no room for a single one shows that another would have none either.
  if (open_ > 0) static_cast<void>(sink_.add_table_if_none_listens());
}

void Sink::Table::drain(int fd) {
  std::array<char, kDrainedAtOnce> discarded;
  const ssize_t got = ::recv(fd, discarded.data(), discarded.size(), MSG_DONTWAIT);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  ::close(fd);
  --open_;
  sink_.accepted_.fetch_sub(1, std::memory_order_relaxed);
  if (!listening_ && open_ <= most_open_ - most_open_ / 4) set_listening(true);
}

Sink::Sink() = default;
Sink::~Sink() { stop(); }

Parsed<> Sink::listen_on(std::uint16_t& port) {
  const auto trouble = [&](const char* act) {
    return input_error(fmt::format("cannot listen on port {}: {}", port, os::describe(os::error_from(errno, act))));
  };
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return trouble("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it: a million orphans that wait for their FIN's answer would be more than a kernel keeps.
  const linger with_reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &with_reset, sizeof with_reset);
  // A queue that nobody looks at can turn no stranger away.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0) return trouble("bind to loopback");
  os::SockAddr address;
  os::fill(address, {.address = IpAddress::v4(0), .port = port});
  if (::bind(fd.get(), address.get(), address.length) != 0) return trouble("bind");
  if (::listen(fd.get(), INT_MAX) != 0) return trouble("listen");
  address.length = sizeof address.storage;
  if (getsockname(fd.get(), address.get(), &address.length) != 0) return trouble("getsockname");
  port = os::endpoint_of(address).port;
  listeners_.push_back(std::move(fd));
  return {};
}

Parsed<> Sink::start(SinkOptions options) {
  options_ = std::move(options);
  if (options_.ports.empty()) return input_error("a sink needs a port");
  os::raise_descriptor_limit();
  Parsed<> done;
  for (std::uint16_t& port : options_.ports)
    if (done) done = listen_on(port);
  if (done && options_.accept) {
    stopping_ = os::Fd(eventfd(0, EFD_CLOEXEC));
    std::string trouble = stopping_ ? add_table_if_none_listens() : os::describe(os::error_from(errno, "eventfd"));
    if (!trouble.empty()) done = input_error(std::move(trouble));
  }
  if (!done) stop();
  return done;
}

std::string Sink::add_table_if_none_listens() {
  const std::lock_guard lock(adding_);
  if (ending_ || listening_ > 0 || tables_.size() >= kMaxThreads) return {};
  auto table = std::make_unique<Table>(*this);
  std::string trouble = table->start();
  if (trouble.empty()) tables_.push_back(std::move(table));
  return trouble;
}

void Sink::stop() {
  {
    const std::lock_guard lock(adding_);
    ending_ = true;
  }
  if (stopping_) eventfd_write(stopping_.get(), 1);
  tables_.clear();  // joins
  stopping_.reset();
  listeners_.clear();
  listening_ = 0;
  ending_ = false;
}

std::uint32_t Sink::threads() const {
  const std::lock_guard lock(adding_);
  return static_cast<std::uint32_t>(tables_.size());
}

std::uint64_t Sink::queue_depth() const {
  // The kernel turns a SYN away when there are more than its bound, so that one more than that fits.
  return listeners_.empty() ? 0 : std::uint64_t{queue_of(listeners_.front().get()).tcpi_sacked} + 1;
}

std::uint64_t Sink::held() const {
  std::uint64_t held = accepted_.load(std::memory_order_relaxed);
  for (const os::Fd& listener : listeners_) held += queue_of(listener.get()).tcpi_unacked;
  return held;
}

std::uint64_t somaxconn_for(std::uint64_t wanted, std::size_t ports) { return 2 * ((wanted + ports - 1) / ports); }

}  // namespace sonde::world
