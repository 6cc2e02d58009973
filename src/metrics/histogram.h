// A log-linear histogram (as HdrHistogram's): 32 linear steps a power of two, so a quantile is at most 3.2 % off;
// values from 0 to 2^40. Written by one thread, merged and read when that thread has ended.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sonde::metrics {

class Histogram {
 public:
  void record(std::uint64_t value) {
    ++counts_[index_of(value)];
    ++total_;
    if (value > max_) max_ = value;
  }
  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    if (other.max_ > max_) max_ = other.max_;
  }
  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }
  // The value that a share q (0…1) of the recorded ones does not exceed, up to the step's width. 0 when empty.
  std::uint64_t quantile(double q) const {
    const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > rank || (seen == total_ && total_ > 0)) return upper_bound(i) < max_ ? upper_bound(i) : max_;
    }
    return 0;
  }
  // Calls visit(upper bound, count) for each step that has a count, from the lowest.
  void each(auto visit) const {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (counts_[i] > 0) visit(upper_bound(i), counts_[i]);
  }

 private:
  static constexpr unsigned kStepBits = 5;
  static constexpr unsigned kMaxBits = 40;
  static constexpr std::size_t kSteps = (kMaxBits - kStepBits + 1) << kStepBits;

  static std::size_t index_of(std::uint64_t value) {
    if (value < (1U << kStepBits)) return value;
    const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    const std::size_t index = ((exponent + 1) << kStepBits) + (value >> exponent) - (1U << kStepBits);
    return index < kSteps ? index : kSteps - 1;
  }
  static std::uint64_t upper_bound(std::size_t index) {
    if (index < (1U << kStepBits)) return index;
    const unsigned exponent = static_cast<unsigned>(index >> kStepBits) - 1;
    const std::uint64_t mantissa = (index & ((1U << kStepBits) - 1)) + (1U << kStepBits);
    return ((mantissa + 1) << exponent) - 1;
  }

  std::array<std::uint64_t, kSteps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace sonde::metrics
