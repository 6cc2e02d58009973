#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "base/ip_address.h"
#include "targets/input_text.h"

namespace sonde::config {
namespace {

using targets::quoted;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Nanos kLongest = 8760LL * 3600 * kSecond;
constexpr std::uint64_t kRateScale = 1000;  // rates are counted in thousandths
constexpr std::uint64_t kHighestRate = 1'000'000'000;

// Largest first: that is the order in which a canonical unit is looked for.
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"h", 3600ULL * kSecond}, {"m", 60ULL * kSecond}, {"s", kSecond}, {"ms", kMillisecond}, {"us", kMicrosecond}}};
constexpr std::array<Unit, 4> kCountUnits = {{{"M", 1'000'000}, {"k", 1'000}, {"K", 1'000}, {"", 1}}};
constexpr std::array<Unit, 6> kByteUnits = {
    {{"G", 1ULL << 30}, {"M", 1ULL << 20}, {"m", 1ULL << 20}, {"k", 1ULL << 10}, {"K", 1ULL << 10}, {"", 1}}};

std::uint64_t factor_of(std::span<const Unit> units, std::string_view name) {
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  return unit == units.end() ? 0 : unit->factor;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// How much of `text` is a decimal number: digits with at most one point among them.
std::size_t number_length(std::string_view text) {
  std::size_t length = 0;
  bool point = false;
  while (length < text.size() && (is_digit(text[length]) || (text[length] == '.' && !point)))
    point |= text[length++] == '.';
  return length;
}

// decimal × factor when that is a whole number below 2^64. REQUIRES: number_length(decimal) == decimal.size().
std::optional<std::uint64_t> scaled(std::string_view decimal, std::uint64_t factor) {
  U128 value = 0;
  U128 divisor = 1;
  bool any = false;
  bool fraction = false;
  for (const char c : decimal) {
    if (c == '.') {
      fraction = true;
      continue;
    }
    any = true;
    if (fraction && divisor > 1'000'000'000'000'000'000ULL) return std::nullopt;
    if (value > UINT64_MAX) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (fraction) divisor *= 10;
  }
  if (!any || value > UINT64_MAX) return std::nullopt;
  value *= factor;
  if (value % divisor != 0 || value / divisor > UINT64_MAX) return std::nullopt;
  return static_cast<std::uint64_t>(value / divisor);
}

// "1.5k" as 1500 × scale.
std::optional<std::uint64_t> with_suffix(std::string_view text, std::span<const Unit> units, std::uint64_t scale = 1) {
  const std::size_t length = number_length(text);
  const std::uint64_t factor = factor_of(units, text.substr(length));
  if (factor == 0) return std::nullopt;
  return scaled(text.substr(0, length), factor * scale);
}

std::string in_largest_unit(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  return fmt::format("{}", value);
}

std::unexpected<InputError> wrong(std::string_view text, std::string_view what) {
  return input_error(fmt::format("{} {}", quoted(text), what));
}

}  // namespace

Parsed<Nanos> parse_duration(std::string_view text) {
  constexpr std::string_view kNot =
      "is not a duration: give a number and a unit (us, ms, s, m, h), like 250ms or 3s; a bare number is seconds";
  U128 sum = 0;
  std::string_view rest = text;
  do {
    const std::string_view number = rest.substr(0, number_length(rest));
    rest.remove_prefix(number.size());
    const auto unit_end = std::find_if(rest.begin(), rest.end(), [](char c) { return is_digit(c) || c == '.'; });
    const std::string_view name = rest.substr(0, static_cast<std::size_t>(unit_end - rest.begin()));
    rest.remove_prefix(name.size());
    const bool bare = name.empty() && number.size() == text.size();
    const std::uint64_t factor = bare ? static_cast<std::uint64_t>(kSecond) : factor_of(kDurationUnits, name);
    if (factor == 0 || number.find_first_not_of('.') == std::string_view::npos) return wrong(text, kNot);
    const std::optional<std::uint64_t> part = scaled(number, factor);
    // A number that is no whole count of nanoseconds is too long or too fine; the digits before the point tell which.
    if (!part && number.find('.') <= 8) return wrong(text, "is too fine: a duration is a whole number of microseconds");
    sum += part ? *part : UINT64_MAX;
    if (sum > kLongest) return wrong(text, "is too long: the most is 8760h, a year");
  } while (!rest.empty());
  if (sum == 0) return wrong(text, "is no time at all: it must be more than 0, like 250ms");
  if (sum % kMicrosecond != 0) return wrong(text, "is too fine: a duration is a whole number of microseconds");
  return static_cast<Nanos>(sum);
}

std::string print_duration(Nanos duration) {
  return in_largest_unit(static_cast<std::uint64_t>(duration), kDurationUnits);
}

Parsed<double> parse_rate(std::string_view text) {
  const std::optional<std::uint64_t> thousandths = with_suffix(text, kCountUnits, kRateScale);
  if (!thousandths)
    return wrong(text, "is not a rate: give connections a second, like 500, 10k or 1.5M; 0 is unlimited");
  if (*thousandths > kHighestRate * kRateScale) return wrong(text, "is too much: the most is 1000M; 0 is unlimited");
  return static_cast<double>(*thousandths) / kRateScale;
}

std::string print_rate(double rate) {
  const auto thousandths = static_cast<std::uint64_t>(std::llround(rate * kRateScale));
  if (thousandths % kRateScale == 0) return print_count(thousandths / kRateScale);
  std::string text = fmt::format("{}.{:03}", thousandths / kRateScale, thousandths % kRateScale);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

Parsed<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const std::optional<std::uint64_t> count = with_suffix(text, kCountUnits);
  if (!count) return wrong(text, "is not a count: give a whole number, like 500, 10k or 1.5M");
  if (*count < least) return wrong(text, fmt::format("is too little: the least is {}", print_count(least)));
  if (*count > most) return wrong(text, fmt::format("is too much: the most is {}", print_count(most)));
  return *count;
}

std::string print_count(std::uint64_t count) { return in_largest_unit(count, kCountUnits); }

Parsed<Shard> parse_shard(std::string_view text) {
  constexpr std::string_view kNot = "is not a shard: give K/N, like 2/5 for the second of five";
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto [slash, bad_index] = std::from_chars(text.data(), end, shard.index);
  if (bad_index != std::errc() || slash == end || *slash != '/') return wrong(text, kNot);
  const auto [stop, bad_count] = std::from_chars(slash + 1, end, shard.count);
  if (bad_count != std::errc() || stop != end) return wrong(text, kNot);
  if (shard.count == 0) return wrong(text, "has no shards: N must be 1 or more");
  if (shard.index < 1 || shard.index > shard.count)
    return wrong(text, fmt::format("is not one of them: K must be 1 to {}", shard.count));
  return shard;
}

std::string print_shard(Shard shard) { return fmt::format("{}/{}", shard.index, shard.count); }

Parsed<std::uint64_t> parse_seed(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hex ? text.substr(2) : text;
  std::uint64_t seed = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, seed, hex ? 16 : 10);
  if (error != std::errc() || stop != end)
    return wrong(text, "is not a seed: give a number from 0 to 18446744073709551615, decimal or 0x…");
  return seed;
}

std::string print_seed(std::uint64_t seed) { return fmt::format("{}", seed); }

Parsed<std::uint64_t> parse_bytes(std::string_view text) {
  const std::optional<std::uint64_t> bytes = with_suffix(text, kByteUnits);
  if (!bytes) return wrong(text, "is not a size: give bytes, like 4096, 64k, 1.5M or 1G");
  return *bytes;
}

std::string print_bytes(std::uint64_t bytes) { return in_largest_unit(bytes, kByteUnits); }

Parsed<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on", "1"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "no", "off", "0"})
    if (text == no) return false;
  return wrong(text, "is neither true nor false");
}

std::string print_boolean(bool value) { return value ? "true" : "false"; }

Parsed<std::string> parse_text(std::string_view text) {
  if (text.empty()) return input_error("'' is empty: it needs a value");
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return wrong(text, "has a control character");
  if (utf8_prefix(text) != text.size()) return wrong(text, "is not UTF-8");
  return std::string(text);
}

Parsed<std::vector<std::string>> parse_list(std::string_view text) {
  std::vector<std::string> items;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = targets::trimmed(rest.substr(0, comma));
    if (item.empty() && comma == std::string_view::npos && items.empty())
      return input_error("'' is empty: it needs a value");
    if (item.empty()) return wrong(text, "has an empty item: separate items by one comma");
    Parsed<std::string> parsed = parse_text(item);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    items.push_back(std::move(*parsed));
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

std::size_t utf8_prefix(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    // Shortest forms only, no surrogates, nothing beyond U+10FFFF: the table of RFC 3629 section 4.
    unsigned more = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead < 0x80) {
      ++at;
      continue;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return at;
    }
    if (bytes.size() - at <= more) return at;
    for (unsigned i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(bytes[at + i]);
      if (next < low || next > high) return at;
      low = 0x80;
      high = 0xbf;
    }
    at += more + 1;
  }
  return at;
}

}  // namespace sonde::config
