// Raw slots of one size, fixed at construction, for objects whose type only their maker knows (a probe's state). Stable
// addresses, grown by chunks, one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace sonde::memory {

class StateSlab {
 public:
  explicit StateSlab(std::size_t slot_bytes)
      : slot_bytes_((slot_bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) *
                    alignof(std::max_align_t)) {}

  void* acquire() {
    if (free_.empty()) {
      chunks_.push_back(std::make_unique<std::byte[]>(slot_bytes_ * kChunk));
      for (std::size_t i = kChunk; i-- > 0;) free_.push_back(chunks_.back().get() + i * slot_bytes_);
    }
    void* slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void release(void* slot) { free_.push_back(static_cast<std::byte*>(slot)); }

 private:
  static constexpr std::size_t kChunk = 64;
  std::size_t slot_bytes_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::vector<std::byte*> free_;
};

}  // namespace sonde::memory
