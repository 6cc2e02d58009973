// Bytes in, bytes out, in order: what a session has to send or has received. One thread. It has no bound of its own:
// its owner asks size() first. Memory is given back when the last byte leaves, so that an idle connection holds none.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/check.h"

namespace sonde::memory {

class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  // Valid until the next call that changes the queue.
  std::span<const std::byte> front() const { return std::span(bytes_).subspan(begin_); }

  void append(std::span<const std::byte> more) {
    if (begin_ > 0 && begin_ >= bytes_.size() / 2) {  // each byte is moved at most once for each byte that left
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }

  void drop(std::size_t count) {
    SONDE_CHECK(count <= size(), "more is taken than is there");
    begin_ += count;
    if (begin_ == bytes_.size()) clear();
  }

  void clear() {
    bytes_ = {};
    begin_ = 0;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
};

}  // namespace sonde::memory
