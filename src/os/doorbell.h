// Wakes a thread that waits in its event loop: other threads ring, the loop watches the descriptor for reading and
// quiets it when it has heard. Rings before it is quiet are one.
#pragma once

#include "base/error.h"
#include "os/fd.h"

namespace sonde::os {

class Doorbell {
 public:
  Doorbell() = default;  // nobody hears it
  static Result<Doorbell> create();
  void ring() const;  // any thread
  int fd() const { return fd_.get(); }

 private:
  explicit Doorbell(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Of the descriptor of a doorbell, by the thread that watches it.
void quiet(int fd);

}  // namespace sonde::os
