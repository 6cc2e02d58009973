// What the gateway remembers of runs: results and transitions, as values that go from the shards to the history, the
// alerts and those who look.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "gateway/checks/check.h"
#include "results/outcome.h"

namespace sonde::gateway {

struct CheckResult {
  CheckId id = 0;
  Nanos unix_time = 0;  // when the run ended
  bool success = false;
  results::Outcome outcome = results::Outcome::kSuccess;
  results::Phase phase = results::Phase::kDone;
  std::string cause;
  std::string error;
  std::array<std::int32_t, results::kPhaseNames.size()> timing_us{};  // by Phase, [kDone] the total; -1: none
  Nanos lateness = 0;                                                 // its start behind its schedule
};

enum class CheckStatus : std::uint8_t { kUnknown, kUp, kDown };  // the last firm one
inline constexpr std::array<std::string_view, 3> kStatusNames = {"unknown", "up", "down"};

struct Transition {
  CheckId id = 0;
  Nanos unix_time = 0;
  std::string from, to;  // "unknown", "up", "down", "flapping"
  std::string cause;     // of the failure that did it, e.g. "connect refused"; of a recovery empty
};

// That a check is up at its first look is none.
inline bool is_news(const Transition& transition) { return transition.from != "unknown" || transition.to != "up"; }

// What the machine could not do tells nothing of the target.
inline bool is_own_fault(results::Outcome outcome) {
  return outcome == results::Outcome::kLocalError || outcome == results::Outcome::kCancelled;
}

}  // namespace sonde::gateway
