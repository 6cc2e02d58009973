#include "gateway/go_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

#include "base/utf8.h"

namespace sonde::gateway {
namespace {

struct Block {
  std::uint32_t first, last;
};
constexpr Block kUnprinted[] = {
    {0x80, 0xa0},     {0xad, 0xad},     {0x600, 0x605},   {0x61c, 0x61c},   {0x6dd, 0x6dd},     {0x70f, 0x70f},
    {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f},   {0x3000, 0x3000},
    {0xe000, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff}};

// REQUIRES: a whole sequence.
std::uint32_t code_point(std::string_view bytes) {
  if (bytes.size() == 1) return static_cast<unsigned char>(bytes[0]);
  std::uint32_t code = static_cast<unsigned char>(bytes[0]) & (0x7fU >> bytes.size());
  for (const char c : bytes.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return code;
}

void append_code(std::string_view bytes, std::string& out) {
  const std::uint32_t code = code_point(bytes);
  constexpr std::string_view kNamed = "\a\b\t\n\v\f\r", kLetters = "abtnvfr";
  if (bytes.size() == 1) {
    const char c = bytes[0];
    if (c == '"' || c == '\\') return void(out.append({'\\', c}));
    if (const std::size_t named = kNamed.find(c); named != std::string_view::npos)
      return void(out.append({'\\', kLetters[named]}));
    if (code < 0x20 || code == 0x7f) return void(fmt::format_to(std::back_inserter(out), "\\x{:02x}", code));
  }
  const bool prints = std::ranges::none_of(kUnprinted, [&](Block b) { return b.first <= code && code <= b.last; });
  if (prints)
    out += bytes;
  else if (code <= 0xffff)
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
  else
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", code);
}

bool is_digit(char c, bool hex) {
  const char lower = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (hex && lower >= 'a' && lower <= 'f');
}

// Without its underscores; nothing when one is not between digits (behind "0x" it may stand before one).
bool without_underscores(std::string_view text, bool hex, std::string& out) {
  char before = hex ? '0' : ' ';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '_')
      out += c;
    else if (!is_digit(before, hex) || i + 1 == text.size() || !is_digit(text[i + 1], hex))
      return false;
    before = c;
  }
  return true;
}

}  // namespace

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
    else
      append_code(text.substr(0, length), out);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '"';
}

std::expected<double, GoFloatError> parse_go_float(std::string_view text) {
  const auto wrong = std::unexpected(GoFloatError::kSyntax);
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  std::string_view rest = lower;
  const bool is_signed = rest.starts_with('+') || rest.starts_with('-');
  const double sign = rest.starts_with('-') ? -1 : 1;
  if (is_signed) rest.remove_prefix(1);
  if (rest == "inf" || rest == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (rest == "nan" && !is_signed) return std::numeric_limits<double>::quiet_NaN();

  const bool hex = rest.starts_with("0x");
  if (hex) rest.remove_prefix(2);
  std::string digits;
  if (!without_underscores(rest, hex, digits)) return wrong;
  // from_chars takes names of its own and no sign of '+'; a hexadecimal number without exponent is none in Go.
  const std::size_t start = digits.find_first_not_of('.');
  if (start == std::string::npos || start > 1 || !is_digit(digits[start], hex)) return wrong;
  if (hex && digits.find('p') == std::string::npos) return wrong;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                            hex ? std::chars_format::hex : std::chars_format::general);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) return wrong;
  // Too small is zero, too large an error: which of them from_chars does not say, strtod does.
  if (error == std::errc::result_out_of_range) {
    value = std::strtod((hex ? "0x" + digits : digits).c_str(), nullptr);
    if (std::isinf(value)) return std::unexpected(GoFloatError::kRange);
  }
  return sign * value;
}

}  // namespace sonde::gateway
