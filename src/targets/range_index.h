// The addresses of a RangeSet by number: at(i) is the i-th address, ascending. Eight bytes an IPv4 range, and a table
// of buckets over the numbers, about one a range, that leaves a search over few ranges or none. Immutable, any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "targets/cidr_set.h"

namespace sonde::targets {

template <typename Bits>
class RangeIndex {
 public:
  RangeIndex() = default;
  // REQUIRES: `size`, the count of addresses in the set, is below 2^62.
  RangeIndex(const RangeSet<Bits>& set, std::uint64_t size) : size_(size) {
    SONDE_CHECK(set.ranges().size() < UINT32_MAX, "more ranges than IPv4 has addresses");
    ranges_.reserve(set.ranges().size());
    std::uint64_t begin = 0;
    for (const Range<Bits>& range : set.ranges()) {
      ranges_.push_back({static_cast<Number>(begin), static_cast<Bits>(range.first - begin)});
      begin += static_cast<std::uint64_t>(range.last - range.first) + 1;
    }
    if (ranges_.size() > 1) make_buckets();
  }

  std::uint64_t size() const { return size_; }
  Bits at(std::uint64_t i) const {  // REQUIRES: i < size()
    std::size_t low = 0;
    if (!buckets_.empty()) {
      const std::uint64_t bucket = i >> shift_;
      low = buckets_[bucket];
      for (std::size_t high = buckets_[bucket + 1]; low < high;) {
        const std::size_t middle = (low + high + 1) / 2;
        if (ranges_[middle].begin <= i)
          low = middle;
        else
          high = middle - 1;
      }
    }
    return static_cast<Bits>(ranges_[low].distance + i);
  }

  // For sets larger than the caches: first the bucket of i, later its range, so that at(i) finds both there.
  void prefetch_bucket(std::uint64_t i) const {
    if (!buckets_.empty()) __builtin_prefetch(&buckets_[i >> shift_]);
  }
  void prefetch_range(std::uint64_t i) const {
    if (!buckets_.empty()) __builtin_prefetch(&ranges_[buckets_[i >> shift_]]);
  }

 private:
  using Number = std::conditional_t<sizeof(Bits) == 4, std::uint32_t, std::uint64_t>;
  struct Entry {
    Number begin;   // the number of its first address
    Bits distance;  // from number to address, modulo the width of Bits
  };

  void make_buckets() {
    constexpr unsigned kFewestBucketBits = 8;
    const auto size_bits = static_cast<unsigned>(std::bit_width(size_ - 1));
    const auto bucket_bits = std::max(kFewestBucketBits, static_cast<unsigned>(std::bit_width(ranges_.size())));
    shift_ = size_bits > bucket_bits ? size_bits - bucket_bits : 0;
    const std::uint64_t buckets = ((size_ - 1) >> shift_) + 1;
    buckets_.reserve(buckets + 1);
    std::uint32_t range = 0;
    for (std::uint64_t bucket = 0; bucket < buckets; ++bucket) {
      while (range + 1 < ranges_.size() && ranges_[range + 1].begin <= bucket << shift_) ++range;
      buckets_.push_back(range);
    }
    buckets_.push_back(static_cast<std::uint32_t>(ranges_.size() - 1));
  }

  std::uint64_t size_ = 0;
  unsigned shift_ = 0;
  std::vector<Entry> ranges_;
  std::vector<std::uint32_t> buckets_;  // the range that holds the first number of each bucket, then the last range
};

}  // namespace sonde::targets
