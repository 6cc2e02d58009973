// The figures of a hold, live and at the end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "results/outcome.h"

namespace sonde::hold {

struct Report {
  std::uint64_t requested = 0;
  std::uint64_t established = 0;                                      // were there at some time
  std::uint64_t held = 0;                                             // are there
  std::array<std::uint64_t, results::kOutcomeNames.size()> failed{};  // never came to be, by outcome
  std::uint64_t dropped = 0;                                          // ended by the peer or the network
  std::uint64_t closed_idle = 0;                                      // ended by --idle-timeout
  std::uint64_t local_faults = 0;
  Nanos elapsed = 0;
  double seconds_to_establish = 0;  // until all were there or given up; so far, while that is to come
  std::uint64_t rss_kb = 0;
  std::optional<std::uint64_t> bytes_user;    // a connection; absent while none is held
  std::optional<std::uint64_t> bytes_kernel;  // a connection; absent where /proc hides it too
  bool both_ends_here = false;                // bytes_kernel counts the peers' sockets as well
  std::uint64_t timers_armed = 0;
  std::uint64_t lateness_count = 0;  // microseconds that deadlines were late
  std::uint64_t lateness_p50 = 0;
  std::uint64_t lateness_p99 = 0;
  std::uint64_t lateness_p999 = 0;
  std::uint64_t lateness_max = 0;
  double cpu_percent_holding = 0;  // of one core, while nothing was opened
  std::string engine;
  std::uint32_t workers = 0;
  bool interrupted = false;
  std::uint64_t buffers_lent = 0;
  std::uint64_t buffers_peak = 0;
  std::uint64_t buffers_from_heap = 0;
  bool buffers_locked = false;

  std::uint64_t failures() const;
};

std::string to_json(const Report& report);  // one line
std::string to_text(const Report& report);  // for a person, at the end
std::string live_line(const Report& report, double rate_now);

}  // namespace sonde::hold
