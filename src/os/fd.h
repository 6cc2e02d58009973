// An owned file descriptor, and whole writes to one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace sonde::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Writes everything, through short writes and EINTR. An error means that some prefix may have been written.
Result<> write_all(int fd, std::span<const std::string> pieces);
Result<> write_all(int fd, std::string_view bytes);

// Replaces `path` so that a crash leaves the old content or the new, never a mixture: write beside it, fsync, rename.
// What is there and no regular file (a device, a pipe) is written into, and stays what it is.
Result<> replace_file(const std::string& path, std::string_view content);

// The whole of a regular file, at most `limit` bytes (more is an error of kind kNoSpace).
Result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace sonde::os
