#include "io/watch_set.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "os/error.h"
#include "os/machine.h"

namespace sonde::io {

Result<WatchSet> WatchSet::create() {
  os::Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return std::unexpected(os::error_from(errno, "epoll_create1"));
  return WatchSet(std::move(epoll));
}

Result<> WatchSet::watch(int fd, bool read, bool write) {
  const auto known = std::find(watched_.begin(), watched_.end(), fd);
  epoll_event event{};
  event.events = (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(fd)} << 32 | kWatchIndex;
  if (!read && !write) {
    if (known == watched_.end()) return {};
    watched_.erase(known);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &event);  // an fd that is closed already has left by itself
    return {};
  }
  const int op = known == watched_.end() ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_.get(), op, fd, &event) != 0) return std::unexpected(os::error_from(errno, "epoll_ctl"));
  if (op == EPOLL_CTL_ADD) watched_.push_back(fd);
  return {};
}

bool WatchSet::is_watch(const epoll_event& event, Completion& out) {
  if (static_cast<std::uint32_t>(event.data.u64) != kWatchIndex) return false;
  out = {.op = Op::kWatch,
         .readable = (event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0,
         .writable = (event.events & EPOLLOUT) != 0,
         .fd = static_cast<int>(event.data.u64 >> 32)};
  return true;
}

int WatchSet::wait(std::span<epoll_event> events, Nanos until) const {
  timespec timeout{};
  if (until != kNever && until > 0) {
    const Nanos left = std::max<Nanos>(0, until - os::monotonic_now());
    timeout.tv_sec = left / kSecond;
    timeout.tv_nsec = left % kSecond;
  }
  int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                           until == kNever ? nullptr : &timeout, nullptr);
  if (count < 0 && errno == ENOSYS) {  // Linux before 5.11, and tools that stand in for the kernel: whole milliseconds
    const Nanos ms = timeout.tv_sec * 1000 + (timeout.tv_nsec + kMillisecond - 1) / kMillisecond;
    count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                       until == kNever ? -1 : static_cast<int>(std::min<Nanos>(ms, 60'000)));
  }
  SONDE_CHECK(count >= 0 || errno == EINTR, "epoll_wait failed");
  return std::max(count, 0);
}

}  // namespace sonde::io
