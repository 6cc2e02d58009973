// Questions to the history: what is in its file, by a connection of the reader's own, and what memory holds, which the
// caller brings along. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gateway/history/history_store.h"

namespace sonde::gateway {

inline constexpr std::size_t kMostPoints = 20'000;  // of an answer; the newest stay

// Some runs: one (raw), or those of a step of time that begins at unix_time.
struct HistoryPoint {
  Nanos unix_time = 0;
  std::uint64_t count = 0, success = 0;
  std::uint64_t timed = 0;  // of them, how many have a duration
  std::uint32_t min_us = 0, p50_us = 0, p99_us = 0, max_us = 0;
  std::array<std::int32_t, kPhases> timing_us{};  // means by Phase; -1: none
  // Of a failure that stands alone.
  results::Outcome outcome = results::Outcome::kSuccess;
  results::Phase phase = results::Phase::kDone;
  std::string cause;
};

// [from, to], unix time. step 0: the runs themselves, else a multiple of a second.
struct HistoryRange {
  Nanos from = 0, to = kNever;
  Nanos step = 0;
};

class HistoryReader {
 public:
  // `database` outlives it.
  explicit HistoryReader(Database& database);

  // begin fixes what is seen until end.
  bool begin();
  void end();

  // `recent`: what memory holds of the check, packed. Where results are too old to be there, minutes answer, and behind
  // them hours: points may then be wider than the step.
  std::vector<HistoryPoint> points(CheckId id, const HistoryRange& range, const std::vector<std::string>& recent);
  std::vector<Transition> transitions(CheckId id, std::size_t most);  // the newest, in order
  std::vector<Reload> reloads(std::size_t most);                      // the newest, in order
  std::vector<std::pair<CheckId, std::string>> states();

 private:
  class Gathering;
  void gather(CheckId id, std::int64_t tier, std::int64_t from_us, std::int64_t to_us, Gathering& into);

  Database& database_;
  Statement begin_, end_, spans_, thinned_, rows_, transitions_, reloads_, states_;
};

}  // namespace sonde::gateway
