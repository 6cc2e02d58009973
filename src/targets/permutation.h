// A seeded order of 0 … size-1 without memory: at(position) is a bijection on that interval, the same on every machine
// and in every version (golden values in the test). Immutable, any thread.
#pragma once

#include <array>
#include <cstdint>

namespace sonde::targets {

class Permutation {
 public:
  static constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 62;

  Permutation(std::uint64_t size, std::uint64_t seed);  // REQUIRES: 1 <= size <= kMaxSize

  std::uint64_t size() const { return size_; }
  std::uint64_t at(std::uint64_t position) const;  // REQUIRES: position < size()

 private:
  static constexpr int kRounds = 8;
  struct Key {
    std::uint64_t add;
    std::uint64_t multiply;
  };

  std::uint64_t size_;
  std::uint64_t low_mask_;
  std::uint64_t high_mask_;
  unsigned low_bits_;
  std::array<Key, kRounds> keys_;
};

}  // namespace sonde::targets
