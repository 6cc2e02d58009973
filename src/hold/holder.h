// One worker of a hold: a thread with a shard that keeps its share of the connections. The coordinating thread reads
// its counters while it runs and the rest after join().
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "base/error.h"
#include "engine/capacity.h"
#include "engine/shard.h"
#include "hold/plan.h"
#include "io/engine.h"
#include "memory/ring_pool.h"

namespace sonde::hold {

// Counts how connections ended: before they were there, or after.
class EndCounter final : public engine::RecordConsumer {
 public:
  using Counts = std::array<metrics::Counter, results::kOutcomeNames.size()>;
  bool consume(const results::Record& record) override;
  bool full() const override { return false; }
  const Counts& failed() const { return failed_; }
  std::uint64_t dropped() const { return dropped_.value(); }  // by the peer, or by the network
  std::uint64_t left() const { return left_.value(); }        // by us, after their idle time

 private:
  Counts failed_;
  metrics::Counter dropped_;
  metrics::Counter left_;
};

class Holder {
 public:
  // Everything borrowed outlives the holder.
  static Result<std::unique_ptr<Holder>> create(engine::ShardOptions options, const engine::ProbeModule& module,
                                                const RoundRobin& share, engine::Limits& limits,
                                                const engine::Capacity& capacity);
  ~Holder();
  void start();
  // Closes everything; the thread ends.
  void begin_stop() { stopping_ = true; }
  // The same, and waits for it.
  void stop();

  const engine::ShardStats& stats() const { return shard_->stats(); }
  const EndCounter& ends() const { return ends_; }
  const char* engine() const { return backend_->name(); }
  // After stop().
  const metrics::Histogram& lateness_us() const { return shard_->deadline_lateness_us(); }
  const memory::RingPoolStats& buffers() const { return pool_.stats(); }

 private:
  explicit Holder(const RoundRobin& share) : share_(share) {}
  void loop();

  RoundRobin share_;
  memory::RingPool pool_;
  std::unique_ptr<io::Backend> backend_;
  EndCounter ends_;
  std::unique_ptr<engine::Shard> shard_;
  bool own_table_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sonde::hold
