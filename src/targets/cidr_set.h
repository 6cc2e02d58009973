// Sets of addresses as sorted, disjoint, non-adjacent ranges: RangeSet over one kind of integer (8 bytes a range for
// IPv4), AddressSet over both families. Plain values; any thread may read one that nobody changes.
//
// add() takes ranges in any order and keeps cheap what comes sorted; normalize() then sorts and merges. Reading
// functions need a normal set and check it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/ip_address.h"

namespace sonde::targets {

template <typename Bits>
struct Range {
  Bits first{};
  Bits last{};  // inclusive
  friend constexpr bool operator==(const Range&, const Range&) = default;
};
static_assert(sizeof(Range<std::uint32_t>) == 8);

template <typename Bits>
class RangeSet {
 public:
  void add(Bits first, Bits last) {
    if (!ranges_.empty()) {
      Range<Bits>& back = ranges_.back();
      // `first - 1` cannot wrap where it matters: first > back.first means first > 0.
      if (first == back.first || (first > back.first && Bits(first - 1) <= back.last)) {
        back.last = std::max(back.last, last);
        return;
      }
      if (first < back.first) normal_ = false;
    }
    ranges_.push_back({first, last});
  }

  void normalize() {
    if (normal_) return;
    std::sort(ranges_.begin(), ranges_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Range<Bits>> unsorted;
    unsorted.swap(ranges_);
    std::size_t kept = 0;
    for (const Range<Bits>& range : unsorted) {
      Range<Bits>* back = kept > 0 ? &unsorted[kept - 1] : nullptr;
      if (back && (range.first == back->first || Bits(range.first - 1) <= back->last))
        back->last = std::max(back->last, range.last);
      else
        unsorted[kept++] = range;
    }
    unsorted.resize(kept);
    ranges_.swap(unsorted);
    normal_ = true;
  }

  bool empty() const { return ranges_.empty(); }
  std::span<const Range<Bits>> ranges() const {
    SONDE_CHECK(normal_, "normalize() first");
    return ranges_;
  }

  bool contains(Bits value) const { return covers({value, value}); }

  // True when the whole of `range` lies in the set.
  bool covers(Range<Bits> range) const {
    const auto all = ranges();
    auto after = std::upper_bound(all.begin(), all.end(), range.first,
                                  [](Bits value, const Range<Bits>& r) { return value < r.first; });
    return after != all.begin() && std::prev(after)->last >= range.last;
  }

  // Calls visit(Range) for each piece of `range` that is not in the set, ascending. A visit that returns false ends it.
  template <typename Visit>
  bool for_each_outside(Range<Bits> range, Visit&& visit) const {
    const auto all = ranges();
    auto next = std::lower_bound(all.begin(), all.end(), range.first,
                                 [](const Range<Bits>& r, Bits value) { return r.last < value; });
    for (; next != all.end() && next->first <= range.last; ++next) {
      if (next->first > range.first && !visit(Range<Bits>{range.first, Bits(next->first - 1)})) return false;
      if (next->last >= range.last) return true;
      range.first = next->last + 1;
    }
    return visit(range);
  }

  void subtract(const RangeSet& other) {
    if (empty() || other.empty()) return;
    RangeSet rest;
    for (const Range<Bits>& range : ranges())
      other.for_each_outside(range, [&](Range<Bits> piece) {
        rest.add(piece.first, piece.last);
        return true;
      });
    *this = std::move(rest);
  }

  // How many values, or `limit` when they are that many or more.
  std::uint64_t count_up_to(std::uint64_t limit) const {
    std::uint64_t count = 0;
    for (const Range<Bits>& range : ranges()) {
      const Bits more = range.last - range.first;  // one less than the size, so that the whole space fits
      if (more >= limit - count || more + 1 >= limit - count) return limit;
      count += static_cast<std::uint64_t>(more) + 1;
    }
    return count;
  }

  friend bool operator==(const RangeSet& a, const RangeSet& b) { return std::ranges::equal(a.ranges(), b.ranges()); }

 private:
  std::vector<Range<Bits>> ranges_;
  bool normal_ = true;
};

struct AddressRange {
  IpAddress first;
  IpAddress last;  // inclusive, same family
  bool single() const { return first == last; }
};

// Both families. An IPv6 range within ::ffff:0:0/96 is IPv4 already (IpAddress says so); a wider one is about IPv6
// alone: the mapped block inside it is left out, so that "::/0" does not speak of the IPv4 internet.
struct AddressSet {
  RangeSet<std::uint32_t> v4;
  RangeSet<U128> v6;

  void add(const AddressRange& range) {
    if (range.first.is_v4()) {
      v4.add(range.first.v4_bits(), range.last.v4_bits());
      return;
    }
    const U128 first = range.first.bits(), last = range.last.bits();
    if (first < kV4Mapped && last > kV4Mapped) {
      v6.add(first, kV4Mapped - 1);
      if (last > (kV4Mapped | 0xffffffff)) v6.add((kV4Mapped | 0xffffffff) + 1, last);
      return;
    }
    v6.add(first, last);
  }
  void normalize() {
    v4.normalize();
    v6.normalize();
  }
  bool empty() const { return v4.empty() && v6.empty(); }
  bool contains(const IpAddress& address) const {
    return address.is_v4() ? v4.contains(address.v4_bits()) : v6.contains(address.bits());
  }
  bool covers(const AddressRange& range) const {
    return range.first.is_v4() ? v4.covers({range.first.v4_bits(), range.last.v4_bits()})
                               : v6.covers({range.first.bits(), range.last.bits()});
  }
  // As RangeSet::for_each_outside, in AddressRanges.
  template <typename Visit>
  bool for_each_outside(const AddressRange& range, Visit&& visit) const {
    if (range.first.is_v4())
      return v4.for_each_outside({range.first.v4_bits(), range.last.v4_bits()}, [&](Range<std::uint32_t> piece) {
        return visit(AddressRange{IpAddress::v4(piece.first), IpAddress::v4(piece.last)});
      });
    return v6.for_each_outside({range.first.bits(), range.last.bits()}, [&](Range<U128> piece) {
      return visit(AddressRange{IpAddress::v6(piece.first), IpAddress::v6(piece.last)});
    });
  }
  void subtract(const AddressSet& other) {
    v4.subtract(other.v4);
    v6.subtract(other.v6);
  }
};

}  // namespace sonde::targets
