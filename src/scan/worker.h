// One worker: a thread with a shard and all that the shard owns. The coordinating thread steers it by a few flags and
// reads its output queue and counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "engine/capacity.h"
#include "engine/open_resolver.h"
#include "engine/shard.h"
#include "io/engine.h"
#include "memory/ring_pool.h"
#include "scan/output.h"
#include "scan/plan.h"

namespace sonde::scan {

// Written by the coordinator, read by all workers.
struct Control {
  enum Stop : int { kRun, kStopStarting, kCut };
  std::atomic<int> stop{kRun};
  std::atomic<std::uint64_t> epoch{0};  // raised when a checkpoint wants the workers' markers
  std::atomic<bool> abandon{false};     // the output has failed: end at once, nobody reads the queue any more
};

class Worker {
 public:
  // plan, limits, budget, control and observer (null: none) outlive the worker.
  static Result<std::unique_ptr<Worker>> create(const Plan& plan, const engine::ShardOptions& options,
                                                engine::Limits& limits, ResultBudget& budget, Control& control,
                                                bool all, RecordObserver* observer,
                                                const engine::ResolverOptions& names, const engine::Capacity& capacity);
  ~Worker();

  void start();
  void join();

  memory::SpscQueue<OutputMessage>& queue() { return output_.queue(); }
  const engine::Shard& shard() const { return *shard_; }
  const char* engine() const { return backend_->name(); }
  const memory::RingPoolStats& buffers() const { return pool_.stats(); }  // after join()

 private:
  Worker(const Plan& plan, ResultBudget& budget, Control& control, bool all, RecordObserver* observer)
      : output_(*plan.encoder, budget, all, observer), control_(control) {}
  void loop();

  memory::RingPool pool_;
  std::unique_ptr<io::Backend> backend_;
  std::unique_ptr<engine::Resolver> resolver_;
  ShardOutput output_;
  std::unique_ptr<engine::Shard> shard_;
  Control& control_;
  bool own_table_ = false;
  std::thread thread_;
};

}  // namespace sonde::scan
