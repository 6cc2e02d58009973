// Targets of a TargetSet in a seeded or sequential order, one shard of it. All arithmetic: position p of shard K of N
// is number p·N + K-1 of the order, whatever the number of workers, so the shards are disjoint and together complete,
// and a resume needs a cursor and the few positions below it that were not finished. take() and the readers may be
// called from any thread. The set and the filter must outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "targets/exclusion.h"
#include "targets/permutation.h"
#include "targets/target_set.h"
#include "targets/target_source.h"

namespace sonde::targets {

struct IndexedSourceOptions {
  bool sequential = false;  // --order sequential; the seed does not matter then
  std::uint64_t seed = 0;
  std::uint32_t shard = 1;  // 1-based; REQUIRES: 1 <= shard <= shards
  std::uint32_t shards = 1;
  std::optional<std::uint64_t> max_targets;  // positions of this shard in all runs together

  // Resume: where the run before was. Pending positions come first; those beyond the shard's end are ignored.
  std::uint64_t cursor = 0;
  std::vector<std::uint64_t> pending;
  // Exclusions that the set was not built with: their addresses are passed over, their names blocked. Null: none.
  const Exclusion* filter = nullptr;
};

class IndexedSource final : public TargetSource {
 public:
  IndexedSource(const TargetSet& set, IndexedSourceOptions options);

  // May return 0 before the end when the filter excludes thousands in a row.
  std::size_t take(std::span<Target> out) override;
  bool exhausted() const override;
  std::optional<std::uint64_t> total() const override { return limit_; }
  std::uint64_t cursor() const override;
  void append_pending(std::vector<std::uint64_t>& out) const override;

 private:
  std::uint64_t index_of(std::uint64_t position) const;
  bool fill(std::uint64_t position, std::uint64_t index, Target& out) const;  // false: passed over
  std::size_t fill_run(std::uint64_t begin, std::uint64_t end, std::span<Target> out) const;
  std::size_t take_pending(std::span<Target> out);

  const TargetSet& set_;
  const IndexedSourceOptions options_;
  const Permutation permutation_;
  std::vector<std::uint64_t> pending_;  // sorted, each once
  std::uint64_t limit_ = 0;             // positions are 0 … limit_-1
  alignas(64) std::atomic<std::uint64_t> cursor_;
  alignas(64) std::atomic<std::size_t> next_pending_{0};
};

}  // namespace sonde::targets
