// The dates of HTTP (RFC 9110, 5.6.7): IMF-fixdate, and the two forms that are obsolete but still to be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sonde::wire {

// Seconds since 1970; nothing where it is none of the three forms, or no day of the calendar. Two digits of a year are
// of 1969 … 2068, as Go and POSIX take them. The name of the weekday must be one, not the right one.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace sonde::wire
