// The receipt of a run: what was asked, what was done, and counts that reconcile (started = finished + abandoned,
// finished = the sum of outcomes).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "results/outcome.h"

namespace sonde::scan {

struct Summary {
  std::string command;
  std::uint64_t seed = 0;
  std::string shard;  // "1/1"
  std::optional<std::uint64_t> targets_total;
  std::uint64_t probes_started = 0;
  std::uint64_t probes_finished = 0;
  std::uint64_t abandoned = 0;
  std::array<std::uint64_t, results::kOutcomeNames.size()> outcomes{};
  std::uint64_t retries = 0;
  std::uint64_t records_written = 0;
  std::uint64_t local_faults = 0;
  std::uint64_t tcp_info_reads = 0;
  std::uint64_t slowdowns = 0;  // of prefixes, with --adaptive
  std::uint64_t lines_invalid = 0;
  double rate_mean = 0;
  double rate_peak = 0;
  std::uint64_t in_flight_peak = 0;  // the workers' own peaks together: at least what was in flight at one moment
  Nanos started = 0;                 // unix
  Nanos ended = 0;
  bool interrupted = false;
  std::string engine;
  std::uint32_t workers = 0;
  std::uint64_t rss_peak_kb = 0;
  // microseconds that timeouts were late
  std::uint64_t deadlines = 0;
  std::uint64_t lateness_p50 = 0;
  std::uint64_t lateness_p99 = 0;
  std::uint64_t lateness_p999 = 0;
  std::uint64_t lateness_max = 0;
  std::uint64_t timers_peak = 0;  // deadlines armed at once, the workers' own peaks together
  // read and write buffers
  std::uint64_t buffers_lent = 0;
  std::uint64_t buffers_peak = 0;
  std::uint64_t buffers_from_heap = 0;
  bool buffers_locked = false;
  bool buffers_huge = false;
};

std::string to_json(const Summary& summary);
// A few lines for a person.
std::string to_text(const Summary& summary);

}  // namespace sonde::scan
