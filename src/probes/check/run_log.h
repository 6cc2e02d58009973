// The log of a run, as blackbox_exporter's debug page shows it: one line a step, in logfmt.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "probes/check/check_run.h"

namespace sonde::probes {

inline constexpr std::size_t kMostLogLines = 4096;  // of a run; what comes behind them is left out
inline constexpr std::size_t kMostLogValue = 4096;  // bytes of one value; the rest is cut off

using LogPairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Appends "ts=2026-01-31T12:00:00.123Z caller=dns module=soa target=192.0.2.1 level=info msg="Got response" rcode=0" to
// run.log where it is kept; costs nothing where it is not. unix_time: ProbeContext::unix_now, or the ending's. Values
// may be any bytes: those that logfmt cannot hold are quoted as JSON has it, what is no UTF-8 is U+FFFD.
void log_line(CheckRun& run, Nanos unix_time, std::string_view level, std::string_view message, LogPairs pairs = {});

}  // namespace sonde::probes
