#include "gateway/checks/worker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/server/http_service.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

using probes::CheckRun;
using results::Outcome;
using results::Phase;

constexpr Nanos kLongestTurn = kSecond;
constexpr Nanos kUnlimited = 3600 * kSecond;  // a phase has no budget of its own: the run's timeout bounds all of them

}  // namespace

// Runs that are admitted and that the shard has not taken yet.
class Worker::Queue final : public targets::TargetSource {
 public:
  explicit Queue(probes::CheckRuns& runs) : runs_(runs) {}
  void push(std::uint64_t position) { positions_.push_back(position); }
  std::size_t take(std::span<targets::Target> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !positions_.empty(); ++count) {
      const probes::CheckPlan& plan = runs_.at(positions_.front()).plan;
      targets::Target& target = out[count];
      target = {};
      target.position = positions_.front();
      target.endpoint = plan.endpoint;
      target.host = plan.host;
      positions_.pop_front();
    }
    return count;
  }
  Nanos next_time(Nanos) const override { return kNever; }  // what comes rings
  bool exhausted() const override { return false; }
  std::optional<std::uint64_t> total() const override { return std::nullopt; }
  std::uint64_t cursor() const override { return 0; }

 private:
  probes::CheckRuns& runs_;
  std::deque<std::uint64_t> positions_;
};

// The ends of runs, in the order in which they came. A run is given back behind the turn: until then the shard may ask
// for its terms.
class Worker::Ends final : public engine::RecordConsumer {
 public:
  explicit Ends(probes::CheckRuns& runs) : runs_(runs) {}
  bool consume(const results::Record& record) override {
    runs_.at(record.position).ending = {.outcome = record.outcome,
                                        .phase = record.phase,
                                        .cause = std::string(results::name(record.cause)),
                                        .error = std::string(record.error),
                                        .address = record.ip,
                                        .timing_us = record.timing_us,
                                        .unix_time = record.unix_time};
    ended_.push_back(record.position);
    return true;
  }
  bool full() const override { return false; }
  std::vector<std::uint64_t>& ended() { return ended_; }

 private:
  probes::CheckRuns& runs_;
  std::vector<std::uint64_t> ended_;
};

Worker::Worker(const WorkerOptions& options)
    : options_(options),
      limits_{.rate = {0, 0}, .per_host = {0, 1}, .per_prefix = {0, 1}},
      runs_(options.most_runs),
      done_(options.most_runs),
      module_(probes::make_check_module(runs_)),
      queue_(std::make_unique<Queue>(runs_)),
      ends_(std::make_unique<Ends>(runs_)) {}

Result<std::unique_ptr<Worker>> Worker::create(const WorkerOptions& options, Book* book) {
  auto bell = os::Doorbell::create();
  if (!bell) return std::unexpected(bell.error());
  std::unique_ptr<Worker> worker(new Worker(options));
  worker->book_ = book;
  worker->bell_ = std::move(*bell);
  auto backend = io::open_backend(options.capacity.engine, worker->pool_, options.concurrency);
  if (!backend) return std::unexpected(backend.error());
  worker->backend_ = std::move(*backend);
  auto resolver = engine::open_resolver(*worker->backend_, options.names);
  if (!resolver) return std::unexpected(resolver.error());
  worker->resolver_ = std::move(*resolver);
  engine::ShardOptions shard{.concurrency = options.concurrency,
                             .connect_timeout = kUnlimited,
                             .tls_timeout = kUnlimited,
                             .read_timeout = kUnlimited,
                             .dns_timeout = kUnlimited,
                             .timeout = kUnlimited,
                             .unix_offset = os::unix_now() - os::monotonic_now()};
#ifndef NDEBUG
  shard.fatal_audit = true;
#endif
  shard.doorbell = worker->bell_.fd();
  shard.terms_of = [runs = &worker->runs_](std::uint64_t position) {
    const CheckRun& run = runs->at(position);
    engine::Terms terms = run.plan.terms;
    terms.timeout = run.timeout;
    return terms;
  };
  shard.is_excluded = [self = worker.get()](const IpAddress& address) {
    return self->excluded_ && *self->excluded_ && (*self->excluded_)(address);
  };
  worker->shard_ = std::make_unique<engine::Shard>(
      std::move(shard), std::vector<engine::PassModule>{{.module = worker->module_.get(), .first_value_id = 0}},
      *worker->queue_, worker->limits_, *worker->backend_, worker->pool_, worker->resolver_.get(), *worker->ends_);
  return worker;
}

Worker::~Worker() {
  stopping_.store(true, std::memory_order_relaxed);
  bell_.ring();
  if (thread_.joinable()) thread_.join();
}

void Worker::start() {
  thread_ = std::thread([this] { loop(); });
}

bool Worker::run(std::unique_ptr<CheckRun>& run, RunDone done) {
  if (runs_in_all_.fetch_add(1, std::memory_order_relaxed) >= options_.most_runs) {
    runs_in_all_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  const std::scoped_lock lock(mutex_);
  asked_.push_back({std::move(run), std::move(done)});
  mail_ = true;
  return true;
}

void Worker::wake() {
  {
    const std::scoped_lock lock(mutex_);
    if (!mail_ || std::exchange(rung_, true)) return;
  }
  bell_.ring();
}

void Worker::post(std::function<void()> act) {
  {
    const std::scoped_lock lock(mutex_);
    acts_.push_back(std::move(act));
    mail_ = true;
  }
  wake();
}

void Worker::exclude(std::shared_ptr<const IsExcluded> excluded) {
  post([this, excluded = std::move(excluded)]() mutable { excluded_ = std::move(excluded); });
}

bool Worker::drain(Nanos patience) {
  draining_.store(true, std::memory_order_relaxed);
  const Nanos until = os::monotonic_now() + patience;
  while (runs() > 0) {
    if (os::monotonic_now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Worker::loop() {
  if (options_.capacity.own_tables) (void)os::own_descriptor_table();
  SONDE_CHECK(backend_->watch(bell_.fd(), true, false), "the doorbell of a worker can be watched");
  while (!stopping_.load(std::memory_order_relaxed)) {
    take_mail();
    const Nanos now = backend_->refresh(), unix_now = os::unix_now();
    shard_->set_unix_offset(unix_now - now);
    Nanos until = now + kLongestTurn;
    if (book_ != nullptr && !draining_.load(std::memory_order_relaxed)) {
      const std::uint32_t waiting = runs();
      const std::size_t room = waiting < options_.most_runs ? options_.most_runs - waiting : 0;
      book_->begin(now, unix_now, room, [this](std::unique_ptr<CheckRun> run, RunDone done) {
        runs_in_all_.fetch_add(1, std::memory_order_relaxed);
        admit(std::move(run), std::move(done));
      });
      settle();  // of those that ended as they began
      until = std::min(until, book_->next_time(backend_->now()));
    }
    (void)shard_->turn(until);
    settle();
    turns_.add();
  }
  shard_->cut();
  // What the thread opened it closes.
  resolver_.reset();
  backend_->drain();
}

void Worker::take_mail() {
  std::vector<Asked> asked;
  std::vector<std::function<void()>> acts;
  {
    const std::scoped_lock lock(mutex_);
    mail_ = rung_ = false;
    asked.swap(asked_);
    acts.swap(acts_);
  }
  for (const std::function<void()>& act : acts) act();
  for (Asked& one : asked) admit(std::move(one.run), std::move(one.done));
}

// Into the queue; or to its end at once, where it leads nowhere.
void Worker::admit(std::unique_ptr<CheckRun> run, RunDone done) {
  const Parsed<> planned = run->prober->plan(*run);
  const IpAddress address = run->plan.endpoint.address;
  const std::uint64_t position = runs_.add(std::move(run));
  done_[static_cast<std::uint32_t>(position)] = std::move(done);
  const bool blocked = planned && !address.is_unspecified() && excluded_ && *excluded_ && (*excluded_)(address);
  if (planned && !blocked) {
    queue_->push(position);
    return;
  }
  CheckRun& ended = runs_.at(position);
  ended.ending = {.outcome = blocked ? Outcome::kBlocked : Outcome::kProtocolError,
                  .phase = Phase::kDns,
                  .cause = blocked ? "denied" : "target",
                  .error = blocked ? "the address is denied" : planned.error().text,
                  .address = address,
                  .timing_us = {},
                  .unix_time = os::unix_now()};
  ended.ending.timing_us.fill(results::kNoTiming);
  ended.ending.timing_us[static_cast<std::size_t>(Phase::kDone)] = 0;
  ends_->ended().push_back(position);
}

void Worker::settle() {
  if (ends_->ended().empty()) return;
  const ReplyBatch batch;
  // A `done` may begin another run, which may end at once.
  for (std::vector<std::uint64_t>& ended = ends_->ended(); !ended.empty();) {
    std::vector<std::uint64_t> now;
    now.swap(ended);
    for (const std::uint64_t position : now) {
      std::unique_ptr<CheckRun> run = runs_.remove(position);
      const RunDone done = std::exchange(done_[static_cast<std::uint32_t>(position)], nullptr);
      run->prober->conclude(*run);
      runs_in_all_.fetch_sub(1, std::memory_order_relaxed);
      if (done) done(std::move(run));
    }
  }
}

}  // namespace sonde::gateway
