// The module under which a shard drives runs of checks: the position of a target names its run, whose prober makes the
// probe. What is told of a run is in the run, not in the record.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "engine/probe.h"
#include "memory/slab.h"
#include "probes/check/check_run.h"
#include "probes/check/prober.h"

namespace sonde::probes {

// The runs of one shard, by position. One thread.
class CheckRuns {
 public:
  explicit CheckRuns(std::uint32_t capacity) : slots_(capacity) {}

  bool full() const { return slots_.in_use() == slots_.capacity(); }
  std::uint32_t count() const { return slots_.in_use(); }
  // The position by which it is known. REQUIRES: !full().
  std::uint64_t add(std::unique_ptr<CheckRun> run);
  CheckRun& at(std::uint64_t position);
  std::unique_ptr<CheckRun> remove(std::uint64_t position);

 private:
  struct Slot {
    std::unique_ptr<CheckRun> run;
    std::uint32_t uses = 0;
  };
  Slot& slot(std::uint64_t position);

  memory::Slab<Slot> slots_;
};

// `runs` outlives the module, and the shard that drives it.
std::unique_ptr<engine::ProbeModule> make_check_module(CheckRuns& runs);

}  // namespace sonde::probes
