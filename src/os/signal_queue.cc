#include "os/signal_queue.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "os/error.h"

namespace sonde::os {

Result<SignalQueue> SignalQueue::create(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    return std::unexpected(error_from(error, "pthread_sigmask"));
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return std::unexpected(error_from(errno, "signalfd"));
  return SignalQueue(std::move(fd));
}

std::optional<int> SignalQueue::take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void wait_readable(std::span<const int> fds, Nanos timeout) {
  std::vector<pollfd> polled;
  for (const int fd : fds) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  const Nanos ms = std::clamp<Nanos>((timeout + kMillisecond - 1) / kMillisecond, 0, 60'000);
  (void)::poll(polled.data(), polled.size(), static_cast<int>(ms));
}

}  // namespace sonde::os
