// The gateway's log: one line an event on standard error, in logfmt, as Prometheus' programs write theirs.
//   ts=2026-01-02T03:04:05.678901Z level=info msg="config loaded" checks=12
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::gateway {

enum class Level { kInfo, kWarn, kError };

using LogField = std::pair<std::string_view, std::string>;

// Any thread; a line is written whole.
void log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

// A value as logfmt has it: quoted where it must be.
std::string log_value(std::string_view text);

}  // namespace sonde::gateway
