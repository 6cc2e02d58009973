#include "gateway/time_text.h"

#include <charconv>
#include <chrono>
#include <string>

namespace sonde::gateway {
namespace {

constexpr Nanos kLatest = 4'102'444'800 * kSecond;  // 2100

// A whole number of exactly `digits` digits within [least, most] at the front, which is then taken off.
bool take(std::string_view& text, std::size_t digits, int least, int most, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < least || value > most) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".25" at the front, if there is a '.'.
bool take_fraction(std::string_view& text, Nanos& nanos) {
  nanos = 0;
  if (!take(text, '.')) return true;
  Nanos unit = kSecond / 10;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10)
    nanos += unit * (text[digits] - '0');
  text.remove_prefix(digits);
  return digits > 0;
}

std::optional<Nanos> parse_rfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, 1970, 2099, year) || !take(text, '-') || !take(text, 2, 1, 12, month) || !take(text, '-') ||
      !take(text, 2, 1, 31, day) || (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) ||
      !take(text, 2, 0, 23, hour) || !take(text, ':') || !take(text, 2, 0, 59, minute) || !take(text, ':') ||
      !take(text, 2, 0, 60, second))
    return std::nullopt;
  Nanos fraction = 0;
  if (!take_fraction(text, fraction)) return std::nullopt;
  int east = 0;  // minutes
  if (!take(text, 'Z') && !take(text, 'z')) {
    const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
    int hours = 0, minutes = 0;
    if (sign == 0 || !take(text, 2, 0, 23, hours) || !take(text, ':') || !take(text, 2, 0, 59, minutes))
      return std::nullopt;
    east = sign * (hours * 60 + minutes);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!text.empty() || !date.ok()) return std::nullopt;
  const Nanos days = std::chrono::sys_days(date).time_since_epoch().count();
  const Nanos seconds = ((days * 24 + hour) * 60 + minute - east) * 60 + second;
  return seconds * kSecond + fraction;
}

}  // namespace

std::optional<Nanos> parse_time(std::string_view text) {
  if (text.find('T') != std::string_view::npos || text.find(':') != std::string_view::npos) return parse_rfc3339(text);
  Nanos seconds = 0, fraction = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || seconds < 0 || seconds > kLatest / kSecond) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!take_fraction(text, fraction) || !text.empty()) return std::nullopt;
  return seconds * kSecond + fraction;
}

std::optional<Nanos> parse_step(std::string_view text) {
  Nanos number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const Nanos seconds = unit.empty() || unit == "s" ? 1
                        : unit == "m"               ? 60
                        : unit == "h"               ? 3600
                        : unit == "d"               ? 86400
                                                    : 0;
  if (seconds == 0 || number > 366 * Nanos{86400} / seconds) return std::nullopt;
  return number * seconds * kSecond;
}

}  // namespace sonde::gateway
