#include "scan/worker.h"

#include "os/machine.h"

namespace sonde::scan {
namespace {

constexpr Nanos kLongestTurn = 10 * kMillisecond;  // how soon a worker sees the coordinator's wishes

void nap() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(const Plan& plan, const engine::ShardOptions& options,
                                               engine::Limits& limits, ResultBudget& budget, Control& control, bool all,
                                               RecordObserver* observer, const engine::ResolverOptions& names,
                                               const engine::Capacity& capacity) {
  std::unique_ptr<Worker> worker(new Worker(plan, budget, control, all, observer));
  auto backend = io::open_backend(capacity.engine, worker->pool_, options.concurrency);
  if (!backend) return std::unexpected(backend.error());
  worker->backend_ = std::move(*backend);
  worker->own_table_ = capacity.own_tables;
  if (plan.has_names) {
    auto resolver = engine::open_resolver(*worker->backend_, names);
    if (!resolver) return std::unexpected(resolver.error());
    worker->resolver_ = std::move(*resolver);
  }
  worker->shard_ = std::make_unique<engine::Shard>(options, plan.pass, *plan.source, limits, *worker->backend_,
                                                   worker->pool_, worker->resolver_.get(), worker->output_);
  return worker;
}

Worker::~Worker() { join(); }

void Worker::start() {
  thread_ = std::thread([this] { loop(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::loop() {
  if (own_table_) (void)os::own_descriptor_table();  // without one, the limit is met sooner and told as a local fault
  std::uint64_t marked = 0;
  bool more = true;
  while (more && !control_.abandon.load(std::memory_order_relaxed)) {
    const int stop = control_.stop.load(std::memory_order_relaxed);
    if (stop >= Control::kStopStarting) shard_->stop_starting();
    if (stop >= Control::kCut) break;
    more = shard_->turn(backend_->refresh() + kLongestTurn);
    output_.flush(backend_->now());
    if (const std::uint64_t epoch = control_.epoch.load(std::memory_order_acquire);
        epoch != marked && output_.mark(epoch, shard_->pending(), false))
      marked = epoch;
  }
  shard_->cut();
  output_.end();
  // What the thread opened it closes: its rings obey no other thread, and its descriptors may be in a table of its own.
  resolver_.reset();
  backend_->drain();
  while (!output_.mark(0, shard_->pending(), true) && !control_.abandon.load(std::memory_order_relaxed)) nap();
}

}  // namespace sonde::scan
