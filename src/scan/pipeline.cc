// The table of contents of a scan:
//
//   targets ──▶ pacing ──▶ engine ──▶ probes ──▶ results ──▶ sinks
//
// run() makes a plan (plan.cc), opens the output, starts a worker a core (worker.cc), and coordinates: it writes what
// the workers recorded, keeps the checkpoint, shows progress, and stops the workers on a signal or a limit.
#include "scan/pipeline.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "doctor/preflight.h"
#include "engine/capacity.h"
#include "os/error.h"
#include "os/machine.h"
#include "os/stop_signals.h"
#include "scan/dry_run.h"
#include "scan/plan.h"
#include "scan/progress.h"
#include "scan/summary.h"
#include "scan/worker.h"
#include "sinks/file_sink.h"

namespace sonde::scan {
namespace {

constexpr Nanos kGrace = 2500 * kMillisecond;  // after a stop, before what is in flight is cut (3 s in all)
constexpr Nanos kCheckpointEvery = kSecond;
constexpr Nanos kFirstCheckpoint = 200 * kMillisecond;
constexpr std::chrono::milliseconds kIdleNap{5};

void complain(const std::string& text) { fmt::print(stderr, "sonde: {}\n", text); }

// How the output failed; a closed standard output is not worth a word.
int fail_output(const std::string& path, const Error& error) {
  const bool quiet = path == "-" && error.kind == ErrorKind::kBrokenPipe;
  if (!quiet) complain(fmt::format("{}: {}", path == "-" ? "standard output" : path, os::describe(error)));
  return kExitFailed;
}

// Cells of an in-flight limit: a few times what can be in flight, so that two keys seldom meet, and no more, so that
// they stay in the cache.
std::size_t limit_cells(const engine::Capacity& capacity) { return std::size_t{4} * capacity.concurrency + 4096; }

// Without --all a timeout has no record, and nobody sees what the kernel says of it.
engine::TcpInfoUse tcp_info_use(const ScanOptions& options) {
  const bool unseen = !options.all && options.tcp_info == engine::TcpInfoUse::kTimeouts;
  return unseen ? engine::TcpInfoUse::kNone : options.tcp_info;
}

// What this machine will not carry of it. A small scan meets no limit that its descriptors did not tell already.
std::vector<std::string> foresee(const targets::TargetSource& source, const engine::Capacity& capacity) {
  constexpr std::uint64_t kSmall = 1024;
  const std::uint64_t total = source.total().value_or(UINT64_MAX);
  const doctor::Need need{.connections = std::min<std::uint64_t>(capacity.concurrency, total),
                          .destinations = source.total().value_or(0),
                          .engine = capacity.engine.engine,
                          .descriptors_fit = true};
  if (need.connections <= kSmall) return {};
  return doctor::foresee(doctor::examine(doctor::read_machine(), need), need);
}

class Coordinator {
 public:
  Coordinator(const ScanOptions& options, Plan& plan, const engine::Capacity& capacity, sinks::FileSink& sink,
              Observer* observer)
      : options_(options),
        plan_(plan),
        capacity_(capacity),
        sink_(sink),
        observer_(observer),
        budget_(options.max_results),
        limits_{.rate = {options.rate, options.rate / 100},
                .per_host = {options.per_host, limit_cells(capacity)},
                .per_prefix = {options.per_prefix, limit_cells(capacity)}},
        progress_(options.progress, isatty(STDERR_FILENO) != 0) {
    if (options.adaptive) prefix_pace_.emplace(capacity.concurrency);
  }

  int run();

 private:
  Result<> start_workers();
  void stop_workers();
  bool drain();  // true when something came
  void take(std::size_t worker, OutputMessage message);
  void keep_checkpoint();
  void write_checkpoint(std::uint64_t cursor, const std::vector<std::uint64_t>& untaken);
  void watch_limits();
  void stop(Control::Stop how);
  Tally tally() const;
  Summary summarize();
  std::uint64_t sum(const metrics::Counter engine::ShardStats::* counter) const;
  std::uint64_t sum_outcome(results::Outcome outcome) const;
  Nanos elapsed() const { return os::monotonic_now() - started_; }
  void fail(int code) {
    exit_code_ = code;
    control_.abandon = true;
  }

  const ScanOptions& options_;
  Plan& plan_;
  const engine::Capacity& capacity_;
  sinks::FileSink& sink_;
  Observer* const observer_;  // null: none
  ResultBudget budget_;
  engine::Limits limits_;
  std::optional<pacing::PrefixPace> prefix_pace_;
  Progress progress_;
  Control control_;
  std::vector<std::unique_ptr<Worker>> workers_;

  // the writer
  std::vector<std::string> pieces_;
  std::uint64_t records_written_ = 0;
  std::size_t ended_ = 0;  // workers

  // the checkpoint in the making
  struct Mark {
    std::uint64_t epoch = 0;
    bool last = false;
    std::vector<std::uint64_t> pending;
  };
  std::vector<Mark> marks_;  // by worker
  std::uint64_t epoch_ = 0;
  std::uint64_t epoch_cursor_ = 0;
  std::vector<std::uint64_t> epoch_untaken_;
  bool waiting_for_marks_ = false;
  Nanos next_checkpoint_ = kFirstCheckpoint;

  Nanos started_ = 0;
  Nanos started_unix_ = 0;
  Nanos cut_at_ = kNever;
  bool stopped_early_ = false;
  int exit_code_ = kExitDone;
};

int Coordinator::run() {
  started_ = os::monotonic_now();
  started_unix_ = os::unix_now();
  if (const Result<> up = start_workers(); !up) {
    complain(os::describe(up.error()));
    return kExitFailed;
  }
  if (sink_.was_empty()) pieces_.push_back(plan_.encoder->header());
  while (exit_code_ == kExitDone && ended_ < workers_.size()) {
    const bool busy = drain();
    keep_checkpoint();
    watch_limits();
    progress_.update(tally());
    if (observer_ != nullptr) observer_->update(tally());
    if (!busy) std::this_thread::sleep_for(kIdleNap);
  }
  stop_workers();
  if (exit_code_ == kExitDone) drain();
  if (exit_code_ == kExitDone && !options_.checkpoint.empty()) {
    std::vector<std::uint64_t> untaken;
    plan_.source->append_pending(untaken);
    write_checkpoint(plan_.source->cursor(), untaken);
  }
  progress_.finish(tally());
  const Summary summary = summarize();
  if (observer_ != nullptr) observer_->finish(tally(), summary.interrupted);
  if (options_.progress != ProgressStyle::kNone && options_.progress != ProgressStyle::kJson)
    fmt::print(stderr, "{}", to_text(summary));
  if (!options_.summary.empty()) {
    const Result<> written = options_.summary == "-" ? os::write_all(STDOUT_FILENO, to_json(summary))
                                                     : os::replace_file(options_.summary, to_json(summary));
    if (!written) return fail_output(options_.summary, written.error());
  }
  return exit_code_ == kExitDone && stopped_early_ ? kExitStoppedEarly : exit_code_;
}

Result<> Coordinator::start_workers() {
  const engine::ResolverOptions names{.servers = fmt::format("{}", fmt::join(options_.resolvers, ",")),
                                      .timeout = options_.dns_timeout,
                                      .ip_version = options_.ip_version,
                                      .both_families = options_.happy_eyeballs,
                                      .per_server = options_.resolver_limit};
  for (std::uint32_t i = 0; i < capacity_.workers; ++i) {
    engine::ShardOptions shard{.concurrency = capacity_.share_of(i),
                               .connect_timeout = options_.connect_timeout,
                               .tls_timeout = options_.tls_timeout,
                               .read_timeout = options_.read_timeout,
                               .dns_timeout = options_.dns_timeout,
                               .timeout = options_.timeout,
                               .retries = options_.retries,
                               .tcp_info = tcp_info_use(options_),
                               .unix_offset = started_unix_ - started_,  // read once: a step moves no record
                               .cut_records = options_.all,
                               .happy_eyeballs = options_.happy_eyeballs};
#ifndef NDEBUG
    shard.fatal_audit = true;
#endif
    shard.is_excluded = [exclusion = plan_.exclusion.get()](const IpAddress& address) {
      return exclusion->contains(address);
    };
    shard.is_excluded_name = [exclusion = plan_.exclusion.get()](std::string_view name) {
      return exclusion->contains_name(name);
    };
    if (prefix_pace_) shard.prefix_pace = &*prefix_pace_;
    RecordObserver* const observer = observer_ == nullptr ? nullptr : &observer_->add_shard(plan_.schema);
    auto worker = Worker::create(plan_, shard, limits_, budget_, control_, options_.all, observer, names, capacity_);
    if (!worker) return std::unexpected(worker.error());
    workers_.push_back(std::move(*worker));
  }
  marks_.resize(workers_.size());
  for (const auto& worker : workers_) worker->start();
  return {};
}

void Coordinator::stop_workers() {
  for (const auto& worker : workers_) worker->join();
}

// Takes what the workers handed over and writes it in one go. Markers are looked at after the bytes before them are
// written.
bool Coordinator::drain() {
  std::vector<std::pair<std::size_t, OutputMessage>> markers;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (std::optional<OutputMessage> message = workers_[i]->queue().pop()) {
      if (message->bytes.empty()) {
        markers.emplace_back(i, std::move(*message));
      } else {
        records_written_ += message->records;
        pieces_.push_back(std::move(message->bytes));
      }
    }
  }
  const bool came = !pieces_.empty() || !markers.empty();
  if (!pieces_.empty()) {
    if (const Result<> written = sink_.write(pieces_); !written) fail(fail_output(options_.output, written.error()));
    pieces_.clear();
  }
  for (auto& [worker, message] : markers) {
    if (message.last) ++ended_;
    marks_[worker] = {.epoch = message.epoch, .last = message.last, .pending = std::move(message.pending)};
  }
  return came;
}

// A round: note the source's cursor, ask every worker for a marker, and when all have come, write. What was taken from
// the source before the cursor was read is in a worker's pending list or in the file; what was taken behind it will be
// taken again.
void Coordinator::keep_checkpoint() {
  if (options_.checkpoint.empty() || exit_code_ != kExitDone) return;
  if (!waiting_for_marks_ && elapsed() >= next_checkpoint_) {
    epoch_cursor_ = plan_.source->cursor();
    epoch_untaken_.clear();
    plan_.source->append_pending(epoch_untaken_);
    control_.epoch.store(++epoch_, std::memory_order_release);
    waiting_for_marks_ = true;
  }
  if (!waiting_for_marks_) return;
  const bool all =
      std::all_of(marks_.begin(), marks_.end(), [this](const Mark& mark) { return mark.last || mark.epoch == epoch_; });
  if (!all) return;
  write_checkpoint(epoch_cursor_, epoch_untaken_);
  waiting_for_marks_ = false;
  next_checkpoint_ = elapsed() + kCheckpointEvery;
}

// untaken: what an earlier run left pending and this one had not taken when the cursor was read.
void Coordinator::write_checkpoint(std::uint64_t cursor, const std::vector<std::uint64_t>& untaken) {
  Checkpoint checkpoint = plan_.identity;
  checkpoint.cursor = cursor;
  checkpoint.pending.clear();
  for (const Mark& mark : marks_)
    checkpoint.pending.insert(checkpoint.pending.end(), mark.pending.begin(), mark.pending.end());
  checkpoint.pending.insert(checkpoint.pending.end(), untaken.begin(), untaken.end());
  std::sort(checkpoint.pending.begin(), checkpoint.pending.end());
  checkpoint.pending.erase(std::unique(checkpoint.pending.begin(), checkpoint.pending.end()), checkpoint.pending.end());
  std::erase_if(checkpoint.pending, [cursor](std::uint64_t position) { return position >= cursor; });
  if (const Result<> synced = sink_.sync(); !synced) {
    fail(fail_output(options_.output, synced.error()));
    return;
  }
  if (const Result<> written = os::replace_file(options_.checkpoint, encode(checkpoint)); !written) {
    complain(fmt::format("--checkpoint {}: {}", options_.checkpoint, os::describe(written.error())));
    fail(kExitFailed);
  }
}

void Coordinator::watch_limits() {
  if (cut_at_ == kNever) {
    if (os::stop_signals() > 0) {
      complain("stopping; what is in flight has 3 s (again to exit at once)");
      stop(Control::kStopStarting);
    } else if (options_.max_runtime && elapsed() >= *options_.max_runtime) {
      stop(Control::kStopStarting);
    } else if (budget_.used_up()) {
      stop(Control::kCut);
    }
  } else if (elapsed() >= cut_at_) {
    control_.stop = Control::kCut;
  }
}

void Coordinator::stop(Control::Stop how) {
  stopped_early_ = true;
  control_.stop = how;
  cut_at_ = elapsed() + (how == Control::kCut ? 0 : kGrace);
}

std::uint64_t Coordinator::sum(const metrics::Counter engine::ShardStats::* counter) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) total += (worker->shard().stats().*counter).value();
  return total;
}

std::uint64_t Coordinator::sum_outcome(results::Outcome outcome) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_)
    total += worker->shard().stats().outcomes[static_cast<std::size_t>(outcome)].value();
  return total;
}

Tally Coordinator::tally() const {
  using engine::ShardStats;
  Tally tally;
  tally.elapsed = elapsed();
  tally.done = plan_.resumed + sum(&ShardStats::finished) / plan_.pass.size();
  tally.total = plan_.source->total();
  tally.attempts = sum(&ShardStats::attempts);
  tally.in_flight = sum(&ShardStats::in_flight);
  tally.successes = sum_outcome(results::Outcome::kSuccess);
  tally.timeouts = sum_outcome(results::Outcome::kTimeout);
  tally.local_faults = sum(&ShardStats::local_faults);
  return tally;
}

Summary Coordinator::summarize() {
  using engine::ShardStats;
  Summary summary;
  summary.command = "scan";
  summary.seed = plan_.identity.seed;
  summary.shard = fmt::format("{}/{}", options_.shard, options_.shards);
  summary.targets_total = plan_.source->total();
  summary.probes_started = sum(&ShardStats::started);
  summary.probes_finished = sum(&ShardStats::finished);
  summary.abandoned = sum(&ShardStats::abandoned);
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i)
    summary.outcomes[i] = sum_outcome(static_cast<results::Outcome>(i));
  summary.retries = sum(&ShardStats::retries);
  summary.records_written = records_written_;
  summary.local_faults = sum(&ShardStats::local_faults);
  summary.tcp_info_reads = sum(&ShardStats::tcp_info_reads);
  if (prefix_pace_) summary.slowdowns = prefix_pace_->slowdowns();
  summary.lines_invalid = plan_.source->lines_invalid();
  summary.started = started_unix_;
  summary.ended = started_unix_ + elapsed();
  summary.rate_mean =
      static_cast<double>(sum(&ShardStats::attempts)) * kSecond / static_cast<double>(std::max<Nanos>(1, elapsed()));
  summary.rate_peak = std::max(progress_.rate_peak(), summary.rate_mean);
  summary.in_flight_peak = sum(&ShardStats::in_flight_peak);
  if (plan_.limited) stopped_early_ = true;
  summary.interrupted = stopped_early_ || exit_code_ != kExitDone;
  summary.engine = workers_.front()->engine();
  summary.workers = capacity_.workers;
  summary.rss_peak_kb = os::rss_peak_kb();
  summary.timers_peak = sum(&ShardStats::timers_peak);
  metrics::Histogram lateness;
  for (const auto& worker : workers_) {
    lateness.merge(worker->shard().deadline_lateness_us());
    summary.buffers_lent += worker->buffers().lent;
    summary.buffers_peak += worker->buffers().in_use_peak;
    summary.buffers_from_heap += worker->buffers().from_heap;
    summary.buffers_locked = worker->buffers().locked;
    summary.buffers_huge = worker->buffers().huge;
  }
  summary.deadlines = lateness.total();
  summary.lateness_p50 = lateness.quantile(0.5);
  summary.lateness_p99 = lateness.quantile(0.99);
  summary.lateness_p999 = lateness.quantile(0.999);
  summary.lateness_max = lateness.max();
  return summary;
}

}  // namespace

int run(const ScanOptions& options, const ReplaceEncoder& replace_encoder, Observer* observer) {
  os::catch_stop_signals(kExitKilled);
  Parsed<Plan> plan = make_plan(options);
  if (!plan) {
    complain(plan.error().text);
    return kExitBadInput;
  }
  if (replace_encoder) plan->encoder = replace_encoder(std::move(plan->encoder));
  for (const std::string& warning : plan->warnings) complain(warning);

  const auto mode = plan->is_resume ? sinks::FileSink::Mode::kAppend : sinks::FileSink::Mode::kReplace;
  if (options.dry_run) {
    auto sink = sinks::FileSink::open(options.output, mode);
    if (!sink) return fail_output(options.output, sink.error());
    const Result<> written = dry_run(*plan->source, **sink);
    return written ? kExitDone : fail_output(options.output, written.error());
  }
  const Result<engine::Capacity> capacity =
      engine::plan_capacity({.concurrency = options.concurrency,
                             .workers = options.workers,
                             .engine = options.engine,
                             .name_servers = std::max<std::size_t>(1, options.resolvers.size())});
  if (!capacity) {
    complain(os::describe(capacity.error()));
    return kExitFailed;
  }
  for (const std::string& notice : capacity->notices) complain(notice);
  for (const std::string& line : foresee(*plan->source, *capacity)) complain(line);
  auto sink = sinks::FileSink::open(options.output, mode);
  if (!sink) return fail_output(options.output, sink.error());
  return Coordinator(options, *plan, *capacity, **sink, observer).run();
}

}  // namespace sonde::scan
