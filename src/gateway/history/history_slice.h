// Results of some ten minutes, in memory and packed: the history's newest, which its journal holds too, until they are
// sealed into the file by check. A slice is closed by age or by number, not by the results' own times, so that a clock
// that steps makes no trouble.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"
#include "gateway/history/packed_results.h"

namespace sonde::gateway {

using SeriesKey = std::int64_t;  // a CheckId as SQLite has it, signed: memory and file have the same order
constexpr SeriesKey key_of(CheckId id) { return static_cast<SeriesKey>(id); }

struct Series {
  std::string packed;
  std::int64_t last_us = 0;
  std::uint32_t results = 0;
};

struct Slice {
  std::int64_t number = 0;
  Nanos opened = 0;             // monotonic
  Nanos from = kNever, to = 0;  // of its results
  std::uint64_t results = 0;    // that are here still
  std::map<SeriesKey, Series> series;

  void add(const CheckResult& result) {
    Series& one = series[key_of(result.id)];
    pack(result, one.last_us, one.packed);
    ++one.results;
    ++results;
    from = std::min(from, result.unix_time);
    to = std::max(to, result.unix_time);
  }

  // The first `most` series: they are sealed.
  void drop(std::size_t most) {
    auto end = series.begin();
    for (; end != series.end() && most > 0; --most) results -= (end++)->second.results;
    series.erase(series.begin(), end);
  }
};

}  // namespace sonde::gateway
