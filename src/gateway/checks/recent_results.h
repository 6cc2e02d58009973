// The last results of a check, a byte each, as the stream tells them (proto/sonde/v1/stream.proto, CheckUpdate.recent).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/checks/result.h"

namespace sonde::gateway {

// 0: it failed. Else the duration d in microseconds as 1 + round(10 * log2(d / 10)), between 1 and 255: 10 µs to 440 s
// in steps of 7 %.
std::uint8_t recent_code(bool success, std::int32_t duration_us);
inline std::uint8_t recent_code(const CheckResult& result) {
  return recent_code(result.success, result.timing_us[static_cast<std::size_t>(results::Phase::kDone)]);
}

class RecentResults {
 public:
  static constexpr std::size_t kMost = 20;
  void add(std::uint8_t code) {
    if (count_ == kMost) std::shift_left(codes_.begin(), codes_.end(), 1);
    count_ = static_cast<std::uint8_t>(std::min<std::size_t>(count_ + 1U, kMost));
    codes_[count_ - 1U] = static_cast<char>(code);
  }
  std::string_view bytes() const { return {codes_.data(), count_}; }  // oldest first
  bool operator==(const RecentResults&) const = default;

 private:
  std::array<char, kMost> codes_{};
  std::uint8_t count_ = 0;
};

}  // namespace sonde::gateway
