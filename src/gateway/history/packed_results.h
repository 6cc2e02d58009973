// Results and their roll-ups as few bytes: what the history keeps in memory and in its file. A result of a check takes
// some 12 bytes, a roll-up some 25 to 90. Pure; bytes that are none of ours (a damaged file) are told, never trusted.
//
//   result:  flags (a bit a phase that has a timing, bit 7: success), time since the one before (zigzag microseconds),
//            timings in µs; of a failure its outcome, phase and cause
//   roll-up: index, runs, successes, least and most total, sums by phase, the sketch
// Numbers are LEB128 varints.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "gateway/checks/result.h"

namespace sonde::gateway {

inline constexpr std::size_t kMostCauseBytes = 96;  // of a cause that is kept; the rest is cut
inline constexpr std::size_t kPhases = results::kPhaseNames.size();

// Appends; `previous_us` is the unix time of the one before in this series (0 at its start), and becomes this one's.
// Error text, lateness and what is below a microsecond are not kept.
void pack(const CheckResult& result, std::int64_t& previous_us, std::string& out);

// Takes one result off the front of `bytes`; its id is left alone. False: damaged.
bool unpack(std::string_view& bytes, std::int64_t& previous_us, CheckResult& result);

// Runs of one check within one piece of time. The sketch is a sparse log-linear histogram of total durations, 32 steps
// a power of two, so that quantiles of merged roll-ups are off by 3.2 % at most: p99 of a day from those of its hours.
struct Rollup {
  struct Sum {
    std::uint64_t runs = 0, us = 0;
  };
  struct Bar {
    std::uint16_t step = 0;
    std::uint32_t runs = 0;
  };

  std::uint64_t count = 0, success = 0;
  std::uint32_t min_us = 0, max_us = 0;  // of the totals; 0 when the sketch is empty
  std::array<Sum, kPhases> phases{};     // by Phase, [kDone] the total
  std::vector<Bar> sketch;               // ascending by step, none empty

  void add(const CheckResult& result);
  void merge(const Rollup& other);
  // The total that a share q (0…1) of the runs does not exceed; 0 when there is none.
  std::uint32_t quantile_us(double q) const;
  // The mean of a phase; -1: no run had it.
  std::int32_t mean_us(std::size_t phase) const;
};

void pack(std::uint32_t index, const Rollup& rollup, std::string& out);
bool unpack(std::string_view& bytes, std::uint32_t& index, Rollup& rollup);

// The id of a result in front of it, in a batch of many checks.
void pack_id(CheckId id, std::string& out);
bool unpack_id(std::string_view& bytes, CheckId& id);

}  // namespace sonde::gateway
