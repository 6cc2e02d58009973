// At most N in flight to one key (an address, a /24 or /48). Keys are hashed into a fixed table of counters that all
// shards share: constant memory whatever the number of targets, no allocation, one atomic add a probe. Two keys that
// meet in one cell share its limit, so the limit is never exceeded and at worst a little early. Any thread.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/mix.h"

namespace sonde::pacing {

class InFlightLimit {
 public:
  // cells: rounded up to a power of two; choose a few times the number of keys in flight. limit 0 is unlimited.
  InFlightLimit(std::uint32_t limit, std::size_t cells)
      : limit_(limit),
        mask_(std::bit_ceil(cells) - 1),
        counts_(limit == 0 ? nullptr : std::make_unique<std::atomic<std::uint32_t>[]>(mask_ + 1)) {}

  bool take(std::uint64_t key) {
    if (limit_ == 0) return true;
    std::atomic<std::uint32_t>& count = counts_[mix64(key) & mask_];
    if (count.fetch_add(1, std::memory_order_relaxed) < limit_) return true;
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  // REQUIRES: a take(key) that gave true.
  void give(std::uint64_t key) {
    if (limit_ != 0) counts_[mix64(key) & mask_].fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::uint32_t limit_;
  std::size_t mask_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> counts_;
};

}  // namespace sonde::pacing
