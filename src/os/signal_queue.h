// Signals as something to read: they are blocked for the whole process and come one by one out of a descriptor, so that
// a program handles them in its own loop, without handlers. Made before any other thread is started.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/time.h"
#include "os/fd.h"

namespace sonde::os {

class SignalQueue {
 public:
  // SIGPIPE and SIGXFSZ are ignored besides: a closed pipe, or a file at its limit, is an error of write, not a death.
  static Result<SignalQueue> create(std::initializer_list<int> signals);
  int fd() const { return fd_.get(); }  // readable while one waits
  std::optional<int> take();            // its number; none waits: nothing

 private:
  explicit SignalQueue(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Waits until one of the descriptors can be read, at most `timeout`. Negative descriptors are passed over.
void wait_readable(std::span<const int> fds, Nanos timeout);

}  // namespace sonde::os
