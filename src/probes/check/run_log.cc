#include "probes/check/run_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>

#include "base/utf8.h"
#include "probes/check/prober.h"

namespace sonde::probes {
namespace {

constexpr std::array<std::string_view, 5> kCallers = {"http", "tcp", "dns", "icmp", "grpc"};  // by ProberKind

void append_time(Nanos unix_time, std::string& out) {
  using namespace std::chrono;
  const sys_time<milliseconds> time(duration_cast<milliseconds>(nanoseconds(unix_time)));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                 clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

bool needs_quotes(char c) {
  return c <= ' ' || c == '=' || c == '"' || c == '\\' || c == 0x7f;
}  // bytes ≥ 0x80 are < 0

void append_value(std::string_view value, std::string& out) {
  value = value.substr(0, kMostLogValue);
  if (std::ranges::none_of(value, needs_quotes)) {
    out += value;
    return;
  }
  out += '"';
  while (!value.empty()) {
    const std::size_t length = utf8_length(value);
    const char c = value.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (length > 1) {
      out += value.substr(0, length);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < ' ' || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out += '"';
}

}  // namespace

void log_line(CheckRun& run, Nanos unix_time, std::string_view level, std::string_view message, LogPairs pairs) {
  if (!run.keeps_log || run.log.size() >= kMostLogLines) return;
  std::string line = "ts=";
  append_time(unix_time, line);
  if (run.prober) {
    line += " caller=";
    line += kCallers[static_cast<std::size_t>(run.prober->options().kind)];
    line += " module=";
    append_value(run.prober->options().name, line);
  }
  line += " target=";
  append_value(run.target, line);
  line += " level=";
  line += level;
  line += " msg=";
  append_value(message, line);
  for (const auto& [key, value] : pairs) {
    line += ' ';
    line += key;
    line += '=';
    append_value(value, line);
  }
  run.log.push_back(std::move(line));
}

}  // namespace sonde::probes
