// Time as plain integers: nanoseconds, for points (of one clock) and for durations. Nobody below the engine reads a
// clock; time is passed in, constant within one turn of an event loop.
#pragma once

#include <cstdint>

namespace sonde {

using Nanos = std::int64_t;

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kNever = INT64_MAX;  // a deadline that does not come

}  // namespace sonde
