#include "gateway/gateway_metrics.h"

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "metrics/exposition.h"

namespace sonde::gateway {
namespace {

using metrics::Family;
using metrics::Labels;
using metrics::Samples;
using metrics::Type;
using results::Phase;

constexpr Family kUp{"sonde_check_up",
                     "1 up, 0 down; absent while it is not known. A flapping check keeps its last firm state"};
constexpr Family kFlapping{"sonde_check_flapping", "1 while the check flaps"};
constexpr Family kRuns{"sonde_check_runs_total", "Runs of the check that told something of its target", Type::kCounter};
constexpr Family kSuccesses{"sonde_check_success_total", "Runs that succeeded", Type::kCounter};
constexpr Family kLast{"sonde_check_last_duration_seconds", "How long the last run took, by phase"};
constexpr Family kLastCause{"sonde_check_last_cause_info", "Why the last run failed"};
constexpr Family kDuration{"sonde_check_duration_seconds", "How long runs took, by phase, of all targets of an entry",
                           Type::kHistogram};
constexpr Family kLateness{"sonde_check_lateness_seconds", "How long behind its schedule a run began",
                           Type::kHistogram};
constexpr Family kShed{"sonde_check_shed_total", "Turns that the limits did not let begin before the next was due",
                       Type::kCounter};
constexpr Family kSkipped{"sonde_check_skipped_total", "Turns that came while the check still ran, or that nobody took",
                          Type::kCounter};
constexpr Family kOwnFaults{"sonde_check_local_faults_total",
                            "Runs that this machine could not make; they say nothing of their targets", Type::kCounter};
constexpr Family kWaiting{"sonde_check_waiting", "Turns that are due and wait for their start"};
constexpr Family kChecks{"sonde_checks", "Checks, by state"};
constexpr Family kLimiterRate{"sonde_limiter_rate", "New connections a second that the limits allow"};
constexpr Family kLimiterOffered{"sonde_limiter_offered_rate", "Starts a second that were asked for, over the window"};
constexpr Family kLimiterKept{"sonde_limiter_kept_rate", "Of those, what was not shed"};
constexpr Family kLimiterFill{"sonde_limiter_fill", "How quickly the bucket fills, as a share of the rate"};
constexpr Family kLimiterTokens{"sonde_limiter_tokens", "Tokens in the bucket; negative: a debt of high priority"};
constexpr Family kLimiterTier{"sonde_limiter_tier", "The tier that holds, from 1; 0: none"};
constexpr Family kConnections{"sonde_connections", "Connections, by state"};
constexpr Family kAttempts{"sonde_connection_attempts_total", "Connections that were started", Type::kCounter};
constexpr Family kFaults{"sonde_local_faults_total", "Acts that this machine refused and that were tried again",
                         Type::kCounter};

Labels labels_of(const Check& check) {
  Labels labels{{"check", check.name}, {"target", check.target}, {"module", check.module}};
  for (const auto& [name, value] : check.labels)
    if (name != "check" && name != "target" && name != "module") labels.emplace_back(name, value);
  return labels;
}

Labels with(Labels labels, const char* name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

void sample_cells(const Family& family, const DurationCells& cells, const Labels& labels, Samples& out) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < cells.counts.size(); ++i) {
    below += cells.counts[i];
    const std::string bound =
        i < kDurationBounds.size() ? metrics::number_text(static_cast<double>(kDurationBounds[i]) / 1e6) : "+Inf";
    out.add(family, "_bucket", with(labels, "le", bound), static_cast<double>(below));
  }
  out.add(family, "_sum", labels, static_cast<double>(cells.sum_us) / 1e6);
  out.add(family, "_count", labels, static_cast<double>(below));
}

std::string_view phase_name(std::size_t phase) {
  return phase == static_cast<std::size_t>(Phase::kDone) ? "total" : results::kPhaseNames[phase];
}

}  // namespace

void write_checks(std::span<const std::unique_ptr<CheckBook>> books, std::string& out) {
  const auto family = [&](const Family& of, const std::function<void(const CheckView&, Labels)>& see) {
    metrics::write_head(of, out);
    for (const std::unique_ptr<CheckBook>& book : books)
      book->for_each([&](const CheckView& view) { see(view, labels_of(view.check)); });
  };
  const auto put = [&out](const Family& of, Labels labels, double value) {
    metrics::write_sample({.family = &of, .labels = std::move(labels), .value = value}, out);
  };
  family(kUp, [&](const CheckView& view, Labels labels) {
    if (view.state.status() != CheckStatus::kUnknown)
      put(kUp, std::move(labels), view.state.status() == CheckStatus::kUp ? 1 : 0);
  });
  family(kFlapping, [&](const CheckView& view, Labels labels) {
    put(kFlapping, std::move(labels), view.state.flapping() ? 1 : 0);
  });
  family(kRuns,
         [&](const CheckView& view, Labels labels) { put(kRuns, std::move(labels), static_cast<double>(view.runs)); });
  family(kSuccesses, [&](const CheckView& view, Labels labels) {
    put(kSuccesses, std::move(labels), static_cast<double>(view.successes));
  });
  family(kLast, [&](const CheckView& view, const Labels& labels) {
    const CheckResult* last = view.state.last();
    for (std::size_t phase = 0; last != nullptr && phase < last->timing_us.size(); ++phase)
      if (last->timing_us[phase] >= 0)
        put(kLast, with(labels, "phase", phase_name(phase)), static_cast<double>(last->timing_us[phase]) / 1e6);
  });
  family(kLastCause, [&](const CheckView& view, Labels labels) {
    const CheckResult* last = view.state.last();
    if (last == nullptr || last->success) return;
    labels.emplace_back("phase", results::name(last->phase));
    labels.emplace_back("outcome", results::name(last->outcome));
    labels.emplace_back("cause", last->cause);
    put(kLastCause, std::move(labels), 1);
  });
}

void sample_books(std::span<const std::unique_ptr<CheckBook>> books, Samples& out) {
  CheckBook::Counts all;
  std::unordered_map<std::string, EntryDurations> durations_of;
  for (const std::unique_ptr<CheckBook>& book : books) {
    all.add(book->counts());
    for (const auto& [name, durations] : book->durations())
      for (std::size_t phase = 0; phase < durations.size(); ++phase) durations_of[name][phase].add(durations[phase]);
  }
  for (std::size_t i = 0; i < kPriorityNames.size(); ++i) {
    out.add(kShed, {{"priority", std::string(kPriorityNames[i])}}, static_cast<double>(all.shed[i]));
    out.add(kSkipped, {{"priority", std::string(kPriorityNames[i])}}, static_cast<double>(all.skipped[i]));
  }
  out.add(kOwnFaults, static_cast<double>(all.local_faults));
  out.add(kWaiting, static_cast<double>(all.waiting));
  for (std::size_t i = 0; i < all.shown.size(); ++i)
    out.add(kChecks, {{"state", std::string(kShownNames[i])}}, static_cast<double>(all.shown[i]));
  sample_cells(kLateness, all.lateness, {}, out);
  for (const auto& [name, durations] : durations_of) {
    const std::size_t cut = name.find('\n');
    for (std::size_t phase = 0; phase < durations.size(); ++phase)
      sample_cells(
          kDuration, durations[phase],
          {{"check", name.substr(0, cut)}, {"module", name.substr(cut + 1)}, {"phase", std::string(phase_name(phase))}},
          out);
  }
}

void sample_limiter(const pacing::LimiterView& view, double rate, Samples& out) {
  out.add(kLimiterRate, rate);
  out.add(kLimiterOffered, view.offered);
  out.add(kLimiterKept, view.kept);
  out.add(kLimiterFill, view.fill);
  out.add(kLimiterTokens, view.tokens);
  out.add(kLimiterTier, view.tier ? static_cast<double>(*view.tier + 1) : 0);
}

std::vector<std::pair<std::string_view, std::uint64_t>> connections(std::span<const std::unique_ptr<Worker>> workers) {
  std::uint64_t in_flight = 0, idle = 0;
  for (const std::unique_ptr<Worker>& worker : workers) {
    in_flight += worker->stats().in_flight.value();
    idle += worker->stats().resting.value();
  }
  return {{"in_flight", in_flight}, {"idle", idle}};
}

void sample_shard(const engine::ShardStats& stats, std::size_t worker, Samples& out) {
  const Labels labels{{"worker", std::to_string(worker)}};
  out.add(kConnections, with(labels, "state", "in_flight"), static_cast<double>(stats.in_flight.value()));
  out.add(kConnections, with(labels, "state", "idle"), static_cast<double>(stats.resting.value()));
  out.add(kAttempts, labels, static_cast<double>(stats.attempts.value()));
  out.add(kFaults, labels, static_cast<double>(stats.local_faults.value()));
}

}  // namespace sonde::gateway
