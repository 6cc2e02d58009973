#include "gateway/server/server_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "os/error.h"
#include "os/sockaddr.h"

namespace sonde::gateway {
namespace {

constexpr int kBacklog = 4096;
constexpr int kMostAtOnce = 64;  // accepted in one turn
constexpr auto kPause = std::chrono::milliseconds(50);

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

os::Fd bound(const Endpoint& endpoint) {
  os::SockAddr address;
  os::fill(address, endpoint);
  os::Fd fd(::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!endpoint.address.is_v4())
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, endpoint.address.is_unspecified() ? 0 : 1);
  if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) return {};
  return fd;
}

}  // namespace

Parsed<Endpoint> parse_listen(std::string_view text) {
  const auto wrong = [&] {
    return input_error(fmt::format("listen: '{}' is not [ADDRESS]:PORT, such as 127.0.0.1:9115 or :9115", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong();
  if (host.empty()) return endpoint;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = host == "localhost" ? IpAddress::v4(0x7f000001) : parse_ip(host);
  if (!address || (!address->is_v4() && !bracketed)) return wrong();
  endpoint.address = *address;
  return endpoint;
}

Parsed<os::Fd> open_listener(std::string_view listen) {
  const auto endpoint = parse_listen(listen);
  if (!endpoint) return std::unexpected(endpoint.error());
  os::Fd fd = bound(*endpoint);
  // A machine without IPv6 has all of its addresses in IPv4.
  if (!fd && errno == EAFNOSUPPORT && endpoint->address.is_unspecified())
    fd = bound({.address = IpAddress::v4(0), .port = endpoint->port});
  if (!fd) return input_error(fmt::format("listen: {}: {}", listen, os::describe(os::error_from(errno, "bind"))));
  return fd;
}

Parsed<> check_listener(int fd) {
  int listens = 0, type = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    return input_error(fmt::format("sockets: descriptor {} is not a socket that listens", fd));
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return input_error(fmt::format("sockets: {}", os::describe(os::error_from(errno, "fcntl"))));
  return {};
}

ServerListener::ServerListener(const std::vector<int>& sockets, std::vector<ServerWorker*> workers)
    : workers_(std::move(workers)) {
  for (const int socket : sockets) {
    sockets_.emplace_back(workers_.front()->loop().get_executor(), socket);
    pauses_.push_back(std::make_unique<Timer>(workers_.front()->loop().get_executor()));
  }
}

ServerListener::~ServerListener() {
  if (!stopped_) stop();
}

void ServerListener::start() {
  for (std::size_t i = 0; i < sockets_.size(); ++i) wait(i);
}

void ServerListener::stop() {
  stopped_ = true;
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    (void)sockets_[i].release();  // which ends the wait, too
    pauses_[i]->cancel();
  }
}

void ServerListener::wait(std::size_t socket) {
  if (stopped_) return;
  sockets_[socket].async_wait(Descriptor::wait_read, [this, socket](const boost::system::error_code& error) {
    if (!error) accept(socket);
  });
}

void ServerListener::accept(std::size_t socket) {
  if (stopped_) return;
  for (int i = 0; i < kMostAtOnce; ++i) {
    os::Fd fd(::accept4(sockets_[socket].native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      const int error = errno;
      if (error == EAGAIN) break;
      if (error == EINTR || error == ECONNABORTED) continue;
      // A descriptor is taken before the queue is looked at: without one this is an error with nobody waiting, too.
      pollfd waiting{.fd = sockets_[socket].native_handle(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 0) == 0) break;
      workers_.front()->counters().accept_failures.add();
      // No descriptors or memory: whoever is missed least makes room for one. Else, and for any other error, after a
      // pause: the socket stays readable, and asking at once would be a loop that does nothing else.
      if (os::is_local(os::error_from(error, "accept").kind) && make_room()) continue;
      pauses_[socket]->expires_after(kPause);
      pauses_[socket]->async_wait([this, socket](const boost::system::error_code& cancelled) {
        if (!cancelled) accept(socket);
      });
      return;
    }
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    ServerWorker& worker = *workers_[next_++ % workers_.size()];
    if (&worker == workers_.front())
      worker.take_connection(std::move(fd));
    else
      worker.adopt(std::move(fd));
  }
  wait(socket);
}

// True: there is room at once.
bool ServerListener::make_room() {
  if (workers_.front()->shed()) return true;
  for (std::size_t i = 1; i < workers_.size(); ++i) workers_[i]->post_shed();
  return false;
}

}  // namespace sonde::gateway
