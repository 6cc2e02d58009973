// Points of time as the API takes them: unix seconds ("1700000000", "1700000000.5") or RFC 3339
// ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5+01:00").
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace sonde::gateway {

std::optional<Nanos> parse_time(std::string_view text);
// A number of seconds, or one with a unit: "15", "1m", "2h", "1d".
std::optional<Nanos> parse_step(std::string_view text);

}  // namespace sonde::gateway
