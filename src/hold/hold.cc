// run() makes a plan, starts a holder a core, watches until every connection is there or given up, waits as long as was
// asked for, and tells the figures.
#include "hold/hold.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "doctor/preflight.h"
#include "engine/capacity.h"
#include "hold/holder.h"
#include "hold/plan.h"
#include "hold/report.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/kernel_memory.h"
#include "os/machine.h"
#include "os/stop_signals.h"
#include "probes/stay/stay_probe.h"

namespace sonde::hold {
namespace {

enum : int { kExitDone = 0, kExitFailed = 1, kExitBadInput = 2, kExitStoppedEarly = 3, kExitKilled = 130 };

constexpr std::chrono::milliseconds kNap{20};
constexpr Nanos kLook = 30 * kSecond;  // how often an idle connection's deadline is due when it is not to be closed

void complain(const std::string& text) { fmt::print(stderr, "sonde: {}\n", text); }

bool on_loopback(const Plan& plan) {
  targets::Target first;
  plan.destinations->at(0, first);
  const IpAddress& address = first.endpoint.address;
  return address.is_v4() ? address.v4_bits() >> 24 == 127 : address.bits() == 1;
}

class Hold {
 public:
  Hold(const HoldOptions& options, const Plan& plan, const engine::Capacity& capacity)
      : options_(options),
        plan_(plan),
        capacity_(capacity),
        module_(probes::make_stay_module(options.idle_timeout > 0)),
        limits_{.rate = {options.rate, options.rate / 100}, .per_host = {0, 1}, .per_prefix = {0, 1}},
        both_ends_here_(on_loopback(plan)) {}

  int run();

 private:
  Result<> start_holders();
  Report look() const;
  void show(Report& report, bool last);
  void weigh(Report& report) const;

  const HoldOptions& options_;
  const Plan& plan_;
  const engine::Capacity& capacity_;
  std::unique_ptr<engine::ProbeModule> module_;
  engine::Limits limits_;
  bool both_ends_here_;
  std::vector<std::unique_ptr<Holder>> holders_;

  Nanos started_ = 0;
  std::uint64_t rss_before_kb_ = 0;
  os::KernelMemory kernel_before_;
  std::optional<Nanos> settled_;  // since start, when all were there or given up
  Nanos cpu_at_settling_ = 0;
  // the live view
  Nanos shown_ = 0;
  std::uint64_t shown_established_ = 0;
};

Result<> Hold::start_holders() {
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < capacity_.workers; ++i) {
    const std::uint32_t share = capacity_.share_of(i);
    engine::ShardOptions shard{.concurrency = share,
                               .connect_timeout = options_.connect_timeout,
                               .timeout = options_.connect_timeout,
                               .idle_timeout = options_.idle_timeout > 0 ? options_.idle_timeout : kLook,
                               .keepalive = options_.keepalive,
                               .tcp_info = engine::TcpInfoUse::kNone,  // no record would tell it
                               .stays = true};
#ifndef NDEBUG
    shard.fatal_audit = true;
#endif
    if (plan_.sources)
      shard.terms_of = [this](std::uint64_t position) { return engine::Terms{.source = source_of(plan_, position)}; };
    auto holder =
        Holder::create(std::move(shard), *module_, RoundRobin(*plan_.destinations, first, share), limits_, capacity_);
    first += share;
    if (!holder) return std::unexpected(holder.error());
    holders_.push_back(std::move(*holder));
  }
  for (const auto& holder : holders_) holder->start();
  return {};
}

// Reads a few files of /proc: for a moment that is shown, not for each look.
void Hold::weigh(Report& report) const {
  report.rss_kb = os::rss_kb();
  report.both_ends_here = both_ends_here_;
  if (report.held == 0) return;
  report.bytes_user = (report.rss_kb - std::min(report.rss_kb, rss_before_kb_)) * 1024 / report.held;
  const os::KernelMemory now = os::kernel_memory();
  if (!now.known || !kernel_before_.known) return;
  const std::uint64_t before = kernel_before_.slab_bytes + kernel_before_.buffer_bytes;
  const std::uint64_t after = now.slab_bytes + now.buffer_bytes;
  report.bytes_kernel = (after - std::min(after, before)) / report.held;
}

Report Hold::look() const {
  Report report;
  report.requested = options_.count;
  report.elapsed = os::monotonic_now() - started_;
  for (const auto& holder : holders_) {
    const engine::ShardStats& stats = holder->stats();
    report.held += stats.resting.value();
    report.timers_armed += stats.timers.value();
    report.local_faults += stats.local_faults.value();
    report.dropped += holder->ends().dropped();
    report.closed_idle += holder->ends().left();
    for (std::size_t i = 0; i < report.failed.size(); ++i) report.failed[i] += holder->ends().failed()[i].value();
  }
  report.established = report.held + report.dropped + report.closed_idle;
  report.seconds_to_establish = static_cast<double>(settled_.value_or(report.elapsed)) / kSecond;
  report.engine = holders_.front()->engine();
  report.workers = static_cast<std::uint32_t>(holders_.size());
  return report;
}

// A live line on a terminal; elsewhere one every 10 s.
void Hold::show(Report& report, bool last) {
  if (!options_.progress) return;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const Nanos since = report.elapsed - shown_;
  if (!last && since < (terminal ? kSecond / 4 : 10 * kSecond)) return;
  const double rate = static_cast<double>(report.established - shown_established_) * kSecond /
                      static_cast<double>(std::max<Nanos>(since, kMillisecond));
  shown_ = report.elapsed;
  shown_established_ = report.established;
  weigh(report);
  const std::string line = live_line(report, rate);
  if (terminal) {
    fmt::print(stderr, "\r{}\033[K{}", line, last ? "\n" : "");
  } else if (!last) {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

int Hold::run() {
  started_ = os::monotonic_now();
  rss_before_kb_ = os::rss_kb();
  kernel_before_ = os::kernel_memory();
  if (const Result<> up = start_holders(); !up) {
    complain(os::describe(up.error()));
    return kExitFailed;
  }
  Report report;
  while (os::stop_signals() == 0) {
    std::this_thread::sleep_for(kNap);
    report = look();
    show(report, false);
    if (!settled_ && report.established + report.failures() >= capacity_.concurrency) {
      settled_ = report.elapsed;
      cpu_at_settling_ = os::cpu_used();
    }
    const bool vain = settled_ && report.established == 0;  // there is nothing to keep
    if (vain || (settled_ && report.elapsed - *settled_ >= options_.duration)) break;
  }
  const Nanos cpu = os::cpu_used() - cpu_at_settling_;
  report = look();
  show(report, true);
  weigh(report);
  if (settled_ && report.elapsed > *settled_)
    report.cpu_percent_holding = static_cast<double>(cpu) * 100 / static_cast<double>(report.elapsed - *settled_);
  report.interrupted = os::stop_signals() > 0;
  metrics::Histogram lateness;
  for (const auto& holder : holders_) holder->begin_stop();
  for (const auto& holder : holders_) {
    holder->stop();
    lateness.merge(holder->lateness_us());
    report.buffers_lent += holder->buffers().lent;
    report.buffers_peak += holder->buffers().in_use_peak;
    report.buffers_from_heap += holder->buffers().from_heap;
    report.buffers_locked = holder->buffers().locked;
  }
  report.lateness_count = lateness.total();
  report.lateness_p50 = lateness.quantile(0.5);
  report.lateness_p99 = lateness.quantile(0.99);
  report.lateness_p999 = lateness.quantile(0.999);
  report.lateness_max = lateness.max();
  const Result<> written =
      os::write_all(STDOUT_FILENO, options_.format == Format::kJson ? to_json(report) : to_text(report));
  if (!written) return kExitFailed;
  if (report.interrupted) return kExitStoppedEarly;
  return report.established > 0 ? kExitDone : kExitFailed;
}

}  // namespace

int run(const HoldOptions& options) {
  os::catch_stop_signals(kExitKilled);
  const Parsed<Plan> plan = make_plan(options);
  if (!plan) {
    complain(plan.error().text);
    return kExitBadInput;
  }
  for (const std::string& warning : plan->warnings) complain(warning);
  const Result<engine::Capacity> capacity =
      engine::plan_capacity({.concurrency = static_cast<std::uint32_t>(options.count),
                             .workers = options.workers,
                             .engine = options.engine,
                             .option = "--count"});
  if (!capacity) {
    complain(os::describe(capacity.error()));
    return kExitFailed;
  }
  for (const std::string& notice : capacity->notices) complain(notice);
  const doctor::Need need{.connections = capacity->concurrency,
                          .loopback = on_loopback(*plan),
                          .destinations = plan->destinations->size(),
                          .sources = plan->sources ? plan->sources->size() : 1,
                          .engine = capacity->engine.engine,
                          .descriptors_fit = true};
  for (const std::string& line : doctor::foresee(doctor::examine(doctor::read_machine(), need), need)) complain(line);
  return Hold(options, *plan, *capacity).run();
}

}  // namespace sonde::hold
