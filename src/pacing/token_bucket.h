// The global rate: a token bucket in its virtual-scheduling form (GCRA, ITU-T I.371). Its whole state is one number,
// the moment at which the bucket would be full again, so all shards draw from one bucket with one compare-and-swap and
// the rate is exact whatever their number: nothing to divide, nothing to re-divide. Pure: time is passed in. Any
// thread.
//
// REQUIRES: all callers pass times of one clock. Retries draw tokens like first attempts: a rate cap that holds.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/time.h"

namespace sonde::pacing {

class TokenBucket {
 public:
  // rate: tokens a second, 0 is unlimited. burst: tokens that may be drawn at once after a pause, at least 1.
  TokenBucket(double rate, double burst)
      : cost_(rate <= 0 ? 0 : kSecond / rate), depth_(static_cast<Nanos>(cost_ * (std::max(burst, 1.0) - 1))) {}

  // Draws one token; false when there is none now.
  bool take(Nanos now) {
    if (cost_ <= 0) return true;
    Nanos full_at = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const Nanos from = std::max(full_at, now - depth_);
      if (from > now) return false;
      // Fractions of a nanosecond matter at millions a second: they are carried by rounding to the grid of `cost_`.
      const Nanos next = from + step(from);
      if (full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return true;
    }
  }

  // When take() can next succeed: `now` or later.
  Nanos ready_at(Nanos now) const { return cost_ <= 0 ? now : std::max(now, full_at_.load(std::memory_order_relaxed)); }

 private:
  // The cost of a token, rounded so that the mean over many is exact.
  Nanos step(Nanos from) const {
    const auto whole = static_cast<Nanos>(cost_);
    const double fraction = cost_ - static_cast<double>(whole);
    if (fraction == 0) return whole;
    // A low-discrepancy choice keyed by the time itself: 1 with the share `fraction`.
    const auto dither = static_cast<std::uint64_t>(from) * 0x9e3779b97f4a7c15ULL;
    return whole + (static_cast<double>(dither >> 11) * 0x1.0p-53 < fraction ? 1 : 0);
  }

  double cost_;  // nanoseconds a token
  Nanos depth_;  // how far full_at_ may lag behind now
  std::atomic<Nanos> full_at_{INT64_MIN / 2};
};

}  // namespace sonde::pacing
