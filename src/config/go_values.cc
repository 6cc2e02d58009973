#include "config/go_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>

#include "targets/input_text.h"

namespace sonde::config {
namespace {

using targets::quoted;

struct Unit {
  std::string_view name;
  double scale;
};

constexpr double kSecondsF = static_cast<double>(kSecond);
constexpr auto kGoUnits = std::to_array<Unit>({{"ns", 1},
                                               {"us", 1e3},
                                               {"\xc2\xb5s", 1e3},  // U+00B5
                                               {"\xce\xbcs", 1e3},  // U+03BC
                                               {"ms", 1e6},
                                               {"s", kSecondsF},
                                               {"m", 60 * kSecondsF},
                                               {"h", 3600 * kSecondsF}});
constexpr auto kSpanUnits = std::to_array<Unit>({{"ns", 1},
                                                 {"us", 1e3},
                                                 {"ms", 1e6},
                                                 {"s", kSecondsF},
                                                 {"m", 60 * kSecondsF},
                                                 {"h", 3600 * kSecondsF},
                                                 {"d", 86400 * kSecondsF},
                                                 {"w", 7 * 86400 * kSecondsF},
                                                 {"y", 365 * 86400 * kSecondsF}});

constexpr double kKi = 1024;
constexpr auto kBinaryUnits = std::to_array<Unit>({{"B", 1},
                                                   {"KiB", kKi},
                                                   {"MiB", kKi* kKi},
                                                   {"GiB", kKi* kKi* kKi},
                                                   {"TiB", kKi* kKi* kKi* kKi},
                                                   {"PiB", kKi* kKi* kKi* kKi* kKi},
                                                   {"EiB", kKi* kKi* kKi* kKi* kKi* kKi}});
constexpr auto kShortUnits = std::to_array<Unit>({{"B", 1},
                                                  {"KB", kKi},
                                                  {"MB", kKi* kKi},
                                                  {"GB", kKi* kKi* kKi},
                                                  {"TB", kKi* kKi* kKi* kKi},
                                                  {"PB", kKi* kKi* kKi* kKi* kKi},
                                                  {"EB", kKi* kKi* kKi* kKi* kKi* kKi}});

constexpr double kMost = 9.223372036854775e18;  // below 2^63

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [+-](number unit)+, or 0. Nothing for what is not that, or too large.
std::optional<std::int64_t> sum_of_units(std::string_view text, std::span<const Unit> units) {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  // Whole numbers are exact as integers; only a fraction goes by way of a double.
  std::int64_t sum = 0;
  while (!text.empty()) {
    const auto whole_end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    const std::string_view whole = text.substr(0, whole_end);
    text.remove_prefix(whole_end);
    double fraction = 0;
    bool has_fraction = false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      double scale = 0.1;
      for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), scale /= 10) {
        fraction += scale * (text.front() - '0');
        has_fraction = true;
      }
    }
    if (whole.empty() && !has_fraction) return std::nullopt;
    const auto unit_end = static_cast<std::size_t>(
        std::ranges::find_if(text, [](char c) { return c == '.' || is_digit(c); }) - text.begin());
    const auto unit = std::ranges::find(units, text.substr(0, unit_end), &Unit::name);
    if (unit == units.end()) return std::nullopt;
    text.remove_prefix(unit_end);
    std::int64_t number = 0;
    if (!whole.empty() && std::from_chars(whole.data(), whole.data() + whole.size(), number).ec != std::errc())
      return std::nullopt;
    std::int64_t part = 0;
    if (__builtin_mul_overflow(number, static_cast<std::int64_t>(unit->scale), &part) ||
        __builtin_add_overflow(sum, part, &sum) ||
        __builtin_add_overflow(sum, static_cast<std::int64_t>(fraction * unit->scale), &sum))
      return std::nullopt;
  }
  return negative ? -sum : sum;
}

}  // namespace

Parsed<Nanos> parse_go_duration(std::string_view text) {
  if (const auto sum = sum_of_units(text, kGoUnits)) return *sum;
  return input_error(quoted(text) + " is not a duration: give a number and a unit, such as 5s, 500ms or 1m30s");
}

Parsed<Nanos> parse_span(std::string_view text) {
  constexpr Nanos kLongest = Nanos{10} * 365 * 86400 * kSecond;
  const auto sum = sum_of_units(text, kSpanUnits);
  if (!sum)
    return input_error(quoted(text) + " is not a duration: give a number and a unit, such as 5s, 500ms, 1m30s or 7d");
  if (*sum <= 0 || *sum > kLongest)
    return input_error(quoted(text) + " is out of range: a duration is more than 0 and at most 10y");
  return *sum;
}

std::optional<std::int64_t> parse_go_integer(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  std::string_view rest = digits;
  bool negative = false;
  if (rest.starts_with('-') || rest.starts_with('+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char kind = rest[1];
    base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
    rest.remove_prefix(base != 8 || kind == 'o' || kind == 'O' ? 2 : 1);
  }
  std::uint64_t number = 0;
  const char* const end = rest.data() + rest.size();
  if (const auto read = std::from_chars(rest.data(), end, number, base);
      !rest.empty() && read.ec == std::errc() && read.ptr == end) {
    constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
    if (number < kLimit) return negative ? -static_cast<std::int64_t>(number) : static_cast<std::int64_t>(number);
    return std::nullopt;
  }
  const auto value = parse_go_float(text);
  if (!value || std::abs(*value) > kMost) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> parse_go_float(std::string_view text) {
  // from_chars takes no '+', and would take "inf" and "nan".
  if (text.starts_with("+-")) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !std::ranges::all_of(text, [](char c) {
        return is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
      }))
    return std::nullopt;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

Parsed<std::uint64_t> parse_go_size(std::string_view text) {
  for (const std::span<const Unit> units : {std::span<const Unit>(kBinaryUnits), std::span<const Unit>(kShortUnits)})
    if (const auto sum = sum_of_units(text, units)) return static_cast<std::uint64_t>(std::max<std::int64_t>(*sum, 0));
  return input_error(quoted(text) + " is not a size: give a number and a unit, such as 10MB, 64KiB or 512B");
}

}  // namespace sonde::config
