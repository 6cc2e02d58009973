// A worker of the gateway: a thread with a shard, which runs checks: those that others ask for (/probe, http_sd,
// alerts) and those of its book, on schedule. Others talk to it by its mailbox.
//
// Bounds: `most_runs` runs wait or are in flight; beyond it run() refuses, and the book's due checks wait in the book.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/capacity.h"
#include "engine/open_resolver.h"
#include "engine/shard.h"
#include "io/engine.h"
#include "memory/ring_pool.h"
#include "os/doorbell.h"
#include "probes/check/check_module.h"

namespace sonde::gateway {

// Takes a run back when it has ended, on the worker's thread.
using RunDone = std::function<void(std::unique_ptr<probes::CheckRun>)>;

// What a worker does on schedule. All calls come from its thread, with its clock.
class Book {
 public:
  virtual ~Book() = default;
  // When begin() is to be called at the latest; kNever: there is nothing.
  virtual Nanos next_time(Nanos now) = 0;
  // Starts what is due, by `start`, which takes a run and the one to tell; at most `room` of them.
  using Start = std::function<void(std::unique_ptr<probes::CheckRun>, RunDone)>;
  virtual void begin(Nanos now, Nanos unix_now, std::size_t room, const Start& start) = 0;
};

struct WorkerOptions {
  std::uint32_t concurrency = 1000;
  std::uint32_t most_runs = 20'000;
  engine::Capacity capacity;
  engine::ResolverOptions names;
};

// Where runs may go; asked by the worker's thread, replaced by a reload.
using IsExcluded = std::function<bool(const IpAddress&)>;

class Worker {
 public:
  // book: outlives the worker; null: nothing is scheduled.
  static Result<std::unique_ptr<Worker>> create(const WorkerOptions& options, Book* book);
  ~Worker();  // cuts what is in flight; no `done` is called any more
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Any thread. False: too many wait; the run stays with the caller. Begins when the worker is woken: by wake(), or for
  // another reason.
  bool run(std::unique_ptr<probes::CheckRun>& run, RunDone done);
  void wake();  // if there is something to wake it for
  // Does `act` on the worker's thread, between two turns.
  void post(std::function<void()> act);
  // From now on runs whose address is excluded end as `blocked`.
  void exclude(std::shared_ptr<const IsExcluded> excluded);
  // The book begins nothing more; true when no run is left, false after `patience`.
  bool drain(Nanos patience);

  const engine::ShardStats& stats() const { return shard_->stats(); }
  std::uint32_t runs() const { return runs_in_all_.load(std::memory_order_relaxed); }  // that wait or are in flight
  std::uint64_t turns() const { return turns_.value(); }

 private:
  struct Asked {
    std::unique_ptr<probes::CheckRun> run;
    RunDone done;
  };
  class Queue;
  class Ends;

  explicit Worker(const WorkerOptions& options);
  void loop();
  void take_mail();
  void admit(std::unique_ptr<probes::CheckRun> run, RunDone done);
  void settle();

  WorkerOptions options_;
  Book* book_ = nullptr;
  os::Doorbell bell_;
  memory::RingPool pool_;
  std::unique_ptr<io::Backend> backend_;
  std::unique_ptr<engine::Resolver> resolver_;
  engine::Limits limits_;
  probes::CheckRuns runs_;
  std::vector<RunDone> done_;  // by the run's slot
  std::unique_ptr<engine::ProbeModule> module_;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Ends> ends_;
  std::unique_ptr<engine::Shard> shard_;
  std::shared_ptr<const IsExcluded> excluded_;
  metrics::Counter turns_;

  std::mutex mutex_;  // of the mailbox
  std::vector<Asked> asked_;
  std::vector<std::function<void()>> acts_;
  bool mail_ = false;
  bool rung_ = false;  // for the mail that is there

  std::atomic<std::uint32_t> runs_in_all_{0};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sonde::gateway
