#include "targets/indexed_source.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace sonde::targets {
namespace {

std::uint64_t positions_of(std::uint64_t size, std::uint32_t shard, std::uint32_t shards) {
  SONDE_CHECK(shard >= 1 && shard <= shards, "shard K/N needs 1 <= K <= N");
  return size / shards + (shard - 1 < size % shards ? 1 : 0);
}

}  // namespace

IndexedSource::IndexedSource(const TargetSet& set, IndexedSourceOptions options)
    : set_(set),
      options_(std::move(options)),
      permutation_(set.size(), options_.seed),
      pending_(options_.pending),
      limit_(positions_of(set.size(), options_.shard, options_.shards)),
      cursor_(options_.cursor) {
  std::sort(pending_.begin(), pending_.end());
  pending_.erase(std::unique(pending_.begin(), pending_.end()), pending_.end());
  pending_.erase(std::lower_bound(pending_.begin(), pending_.end(), limit_), pending_.end());
  if (options_.max_targets) limit_ = std::min(limit_, *options_.max_targets);
}

std::uint64_t IndexedSource::index_of(std::uint64_t position) const {
  const std::uint64_t place = position * options_.shards + (options_.shard - 1);
  return options_.sequential ? place : permutation_.at(place);
}

bool IndexedSource::fill(std::uint64_t position, std::uint64_t index, Target& out) const {
  set_.at(index, out);
  out.position = position;
  if (!options_.filter) return true;
  if (out.host.empty()) return !options_.filter->contains(out.endpoint.address);
  out.blocked = out.blocked || options_.filter->contains_name(out.host);
  return true;
}

// Positions [begin, end) in groups: a permuted order touches a large set all over, and memory is far when it is asked
// for one target at a time.
std::size_t IndexedSource::fill_run(std::uint64_t begin, std::uint64_t end, std::span<Target> out) const {
  constexpr std::uint64_t kGroup = 32;
  std::array<std::uint64_t, kGroup> indexes{};
  std::size_t given = 0;
  for (; begin < end; begin += std::min(kGroup, end - begin)) {
    const std::uint64_t count = std::min(kGroup, end - begin);
    for (std::uint64_t i = 0; i < count; ++i) set_.prefetch_bucket(indexes[i] = index_of(begin + i));
    for (std::uint64_t i = 0; i < count; ++i) set_.prefetch_range(indexes[i]);
    for (std::uint64_t i = 0; i < count; ++i)
      if (fill(begin + i, indexes[i], out[given])) ++given;
  }
  return given;
}

std::size_t IndexedSource::take_pending(std::span<Target> out) {
  std::size_t given = 0;
  while (given < out.size() && next_pending_.load(std::memory_order_relaxed) < pending_.size()) {
    const std::size_t i = next_pending_.fetch_add(1);
    if (i < pending_.size() && fill(pending_[i], index_of(pending_[i]), out[given])) ++given;
  }
  return given;
}

std::size_t IndexedSource::take(std::span<Target> out) {
  constexpr std::uint64_t kMostPassedOver = 16'384;  // an event loop waits for this call
  std::size_t given = take_pending(out);
  for (std::uint64_t looked_at = 0; given < out.size() && looked_at < kMostPassedOver;) {
    const std::uint64_t wanted = out.size() - given;
    if (cursor_.load(std::memory_order_relaxed) >= limit_) break;
    const std::uint64_t begin = cursor_.fetch_add(wanted);
    const std::uint64_t end = std::min(begin + wanted, limit_);
    given += fill_run(begin, end, out.subspan(given));
    looked_at += wanted;
  }
  return given;
}

bool IndexedSource::exhausted() const { return cursor_.load() >= limit_ && next_pending_.load() >= pending_.size(); }

// Claims run past the limit; the run before may have gone beyond it, with a larger --max-targets.
std::uint64_t IndexedSource::cursor() const { return std::max(options_.cursor, std::min(cursor_.load(), limit_)); }

void IndexedSource::append_pending(std::vector<std::uint64_t>& out) const {
  const std::size_t next = std::min(next_pending_.load(), pending_.size());
  out.insert(out.end(), pending_.begin() + static_cast<std::ptrdiff_t>(next), pending_.end());
}

}  // namespace sonde::targets
