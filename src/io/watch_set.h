// The epoll instance of a kernel backend, and the foreign descriptors in it (a resolver's sockets), level-triggered.
#pragma once

#include <sys/epoll.h>

#include <vector>

#include "base/error.h"
#include "io/backend.h"
#include "os/fd.h"

namespace sonde::io {

class WatchSet {
 public:
  // The lower half of epoll data. The backend's own must be less than either.
  static constexpr std::uint32_t kWatchIndex = 0xffffffff;
  static constexpr std::uint32_t kDatagramIndex = 0xfffffffe;  // the upper half: which socket of Datagrams

  static Result<WatchSet> create();

  int epoll() const { return epoll_.get(); }
  bool empty() const { return watched_.empty(); }  // of foreign descriptors
  // As Backend::watch.
  Result<> watch(int fd, bool read, bool write);
  static bool is_own(const epoll_event& event) { return static_cast<std::uint32_t>(event.data.u64) < kDatagramIndex; }
  // Whether an event is a watched descriptor's; then `out` is its completion.
  static bool is_watch(const epoll_event& event, Completion& out);
  // epoll_pwait2 into `events`; gives how many came. until: kNever is for good; what has passed does not wait.
  int wait(std::span<epoll_event> events, Nanos until) const;

 private:
  explicit WatchSet(os::Fd epoll) : epoll_(std::move(epoll)) {}
  os::Fd epoll_;
  std::vector<int> watched_;
};

}  // namespace sonde::io
