// Slots of one type with stable addresses and small names: index → T*, grown by chunks, never shrunk, so that memory
// follows the peak in flight. A slot's T is constructed once when its chunk is made and reused by its owner (T keeps
// its generation across uses). One owner, one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"

namespace sonde::memory {

template <typename T>
class Slab {
 public:
  static constexpr std::uint32_t kChunk = 256;  // slots
  static constexpr std::uint32_t kNone = 0xffffffff;

  // capacity: the bound; acquire() gives kNone beyond it.
  explicit Slab(std::uint32_t capacity) : capacity_(capacity) {}

  std::uint32_t acquire() {
    if (free_.empty()) {
      const std::uint32_t made = static_cast<std::uint32_t>(chunks_.size()) * kChunk;
      if (made >= capacity_) return kNone;
      chunks_.push_back(std::make_unique<T[]>(kChunk));
      // Reverse order, so that the lowest index is handed out first and the hot part of the slab stays dense.
      for (std::uint32_t i = std::min(kChunk, capacity_ - made); i-- > 0;) free_.push_back(made + i);
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    ++in_use_;
    return index;
  }
  void release(std::uint32_t index) {
    SONDE_CHECK(in_use_ > 0, "slab slot released twice");
    --in_use_;
    free_.push_back(index);
  }
  T& operator[](std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](std::uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  // Slots that exist, in use or not; indices are below it.
  std::uint32_t made() const { return static_cast<std::uint32_t>(chunks_.size()) * kChunk; }
  std::uint32_t in_use() const { return in_use_; }
  std::uint32_t capacity() const { return capacity_; }

 private:
  std::uint32_t capacity_;
  std::uint32_t in_use_ = 0;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace sonde::memory
