#include "gateway/handover.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "os/error.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

constexpr const char* kVariable = "SONDE_HANDOVER";
constexpr Nanos kAnswerPatience = 10 * kSecond;  // for a word that the other has only to say
constexpr Nanos kRunPatience = 20 * kSecond;     // for runs that are under way
constexpr std::size_t kMostSockets = 64;

InputError failed(const char* what) { return {os::describe(os::error_from(errno, what))}; }

bool wait_for(int fd, short events, Nanos patience) {
  const Nanos until = os::monotonic_now() + patience;
  for (;;) {
    pollfd polled{.fd = fd, .events = events, .revents = 0};
    const Nanos left = std::max<Nanos>(until - os::monotonic_now(), 0);
    const int ready = ::poll(&polled, 1, static_cast<int>((left + kMillisecond - 1) / kMillisecond));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// The descriptors that came with a message; its owner is the caller.
void take_descriptors(msghdr& message, std::vector<os::Fd>& out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + sizeof(int) <= part->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
      out.emplace_back(fd);
    }
  }
}

Parsed<> expect(HandoverChannel& channel, HandoverKind kind, const char* what) {
  const auto message = channel.receive(kAnswerPatience);
  if (!message) return std::unexpected(message.error());
  if (!*message) return input_error(fmt::format("no word of it that {}", what));
  if ((*message)->kind != kind) return input_error(fmt::format("another word of it than that {}", what));
  return {};
}

}  // namespace

// ── the socket ───────────────────────────────────────────────────────────────────────────────────────────────────

Result<std::pair<os::Fd, os::Fd>> HandoverChannel::open() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return std::unexpected(os::error_from(errno, "socketpair"));
  return std::pair(os::Fd(ends[0]), os::Fd(ends[1]));
}

Parsed<> HandoverChannel::send(std::string_view packet, std::span<const int> sockets) {
  iovec bytes{.iov_base = const_cast<char*>(packet.data()), .iov_len = packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostSockets * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (!sockets.empty()) {
    sockets = sockets.first(std::min(sockets.size(), kMostSockets));
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sockets.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sockets.size_bytes());
    std::memcpy(CMSG_DATA(part), sockets.data(), sockets.size_bytes());
  }
  for (;;) {
    if (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return std::unexpected(failed("handover"));
    if (!wait_for(fd_.get(), POLLOUT, kAnswerPatience)) return input_error("it does not read what it is told");
  }
}

Parsed<std::optional<HandoverMessage>> HandoverChannel::receive(Nanos patience, std::vector<os::Fd>* sockets) {
  if (!wait_for(fd_.get(), POLLIN, patience)) return std::nullopt;
  std::string packet(kMostHandoverPacket, '\0');
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostSockets * sizeof(int))> control{};
  iovec bytes{.iov_base = packet.data(), .iov_len = packet.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got < 0) return std::unexpected(failed("handover"));
  if (got == 0) return input_error("it has ended");
  std::vector<os::Fd> came;
  take_descriptors(message, came);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return input_error("handover: a packet that is too long");
  auto parsed = parse_handover(std::string_view(packet).substr(0, static_cast<std::size_t>(got)));
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (sockets != nullptr) *sockets = std::move(came);
  return std::move(*parsed);
}

// ── the old one ──────────────────────────────────────────────────────────────────────────────────────────────────

Parsed<std::unique_ptr<Successor>> Successor::start(const os::Program& program, std::string_view listen,
                                                    std::span<const int> sockets) {
  auto ends = HandoverChannel::open();
  if (!ends) return input_error(os::describe(ends.error()));
  auto& [ours, theirs] = *ends;
  // What concerned this process alone is not passed on.
  auto child = os::Child::start(program, theirs.get(),
                                {{kVariable, std::to_string(os::Child::kDescriptor)},
                                 {"LISTEN_FDS", ""},
                                 {"LISTEN_PID", ""},
                                 {"LISTEN_FDNAMES", ""},
                                 {"WATCHDOG_PID", ""}});
  if (!child) return input_error(fmt::format("{}: {}", program.path, os::describe(child.error())));
  std::unique_ptr<Successor> successor(new Successor(std::move(*child), std::move(ours), os::monotonic_now()));
  const HandoverMessage hello{.kind = HandoverKind::kHello, .listen = std::string(listen), .checks = {}};
  if (Parsed<> said = successor->channel_.send(write_handover(hello), sockets); !said)
    return std::unexpected(std::move(said.error()));
  return successor;
}

Parsed<bool> Successor::look(Nanos now) {
  const auto message = channel_.receive(0);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    if ((*message)->kind == HandoverKind::kReady) return true;
    return input_error("its first word is not that it is ready");
  }
  if (now >= give_up_at_) return input_error("it was not ready in time");
  return false;
}

Parsed<> Successor::take_over(const Books& books, const std::function<void()>& meanwhile) {
  for (const auto& book : books) book->hold(true);
  std::vector<CheckId> running;
  if (Parsed<> sent = send_all(books, running); !sent) return sent;
  if (Parsed<> sent = channel_.send(write_handover({.kind = HandoverKind::kBegin})); !sent) return sent;
  const Nanos until = os::monotonic_now() + kRunPatience;
  while (!running.empty() && os::monotonic_now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (Parsed<> sent = send_ended(books, running); !sent) return sent;
    meanwhile();
  }
  if (Parsed<> sent = channel_.send(write_handover({.kind = HandoverKind::kDone})); !sent) return sent;
  return expect(channel_, HandoverKind::kTaken, "it has taken over");
}

Parsed<> Successor::send_all(const Books& books, std::vector<CheckId>& running) {
  HandoverPacker packer;
  Parsed<> sent;
  for (const auto& book : books) {
    book->for_each_handed([&](HandedCheck check) {
      if (check.running) running.push_back(check.id);
      if (packer.add(std::move(check)) && sent) sent = channel_.send(packer.take());
    });
  }
  if (sent && !packer.empty()) sent = channel_.send(packer.take());
  return sent;
}

Parsed<> Successor::send_ended(const Books& books, std::vector<CheckId>& running) {
  HandoverPacker packer;
  Parsed<> sent;
  std::erase_if(running, [&](CheckId id) {
    auto check = books[id % books.size()]->handed(id);
    if (check && check->running) return false;
    if (check && packer.add(std::move(*check)) && sent) sent = channel_.send(packer.take());
    return true;
  });
  if (sent && !packer.empty()) sent = channel_.send(packer.take());
  return sent;
}

// ── the new one ──────────────────────────────────────────────────────────────────────────────────────────────────

Parsed<std::unique_ptr<Predecessor>> Predecessor::of_environment() {
  const char* variable = std::getenv(kVariable);
  if (variable == nullptr) return nullptr;
  const std::string text = variable;
  ::unsetenv(kVariable);
  int number = -1, type = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  socklen_t size = sizeof type;
  if (error != std::errc() || end != text.data() + text.size() ||
      ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
    return input_error(fmt::format("{}: it names no socket of a predecessor", kVariable));
  os::Fd fd(number);
  (void)::fcntl(number, F_SETFD, FD_CLOEXEC);
  std::unique_ptr<Predecessor> predecessor(new Predecessor(std::move(fd), os::monotonic_now()));
  auto hello = predecessor->channel_.receive(kAnswerPatience, &predecessor->sockets_);
  if (!hello) return input_error("the predecessor: " + hello.error().text);
  if (!*hello || (*hello)->kind != HandoverKind::kHello) return input_error("the predecessor does not say hello");
  predecessor->listen_ = std::move((*hello)->listen);
  return predecessor;
}

std::vector<os::Fd> Predecessor::take_sockets(std::string_view listen) {
  std::vector<os::Fd> sockets = std::exchange(sockets_, {});
  if (!listen_.empty() && listen_ != listen) sockets.clear();
  return sockets;
}

Parsed<> Predecessor::tell_ready() { return channel_.send(write_handover({.kind = HandoverKind::kReady})); }

Predecessor::State Predecessor::follow(const Books& books, Nanos now) {
  while (state_ != State::kOver) {
    auto message = channel_.receive(0);
    if (message && *message) {
      on_message(std::move(**message), books, now);
      continue;
    }
    if (message && now < give_up_at_) break;
    end(books);
  }
  return state_;
}

void Predecessor::on_message(HandoverMessage message, const Books& books, Nanos now) {
  for (HandedCheck& check : message.checks) {
    CheckBook& book = *books[check.id % books.size()];
    const bool running = check.running;
    const CheckId id = check.id;
    if (state_ == State::kWaiting && running) running_.insert(id);
    if (state_ == State::kBegun) running_.erase(id);
    if (!(state_ == State::kWaiting ? book.adopt(check, now) : book.finish(check)))
      unplaced_.push_back(std::move(check));
  }
  if (message.kind == HandoverKind::kBegin) state_ = State::kBegun;
  if (message.kind != HandoverKind::kDone) return;
  end(books);
  (void)channel_.send(write_handover({.kind = HandoverKind::kTaken}));  // gone: it needs no telling
}

void Predecessor::end(const Books& books) {
  state_ = State::kOver;
  // What had not ended there will not, as far as anybody hears of it.
  for (const CheckId id : running_) (void)books[id % books.size()]->finish({.id = id});
  running_.clear();
}

}  // namespace sonde::gateway
