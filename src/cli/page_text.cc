#include "cli/page_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace sonde::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Invisible, or turning the direction of what follows (Unicode, UAX #9), or ending a line.
constexpr auto kTricky = std::to_array<Range>({{0x00, 0x1f},
                                               {0x7f, 0x9f},
                                               {0xad, 0xad},
                                               {0x61c, 0x61c},
                                               {0x115f, 0x1160},
                                               {0x180e, 0x180e},
                                               {0x200b, 0x200f},
                                               {0x2028, 0x202e},
                                               {0x2060, 0x206f},
                                               {0x3164, 0x3164},
                                               {0xfe00, 0xfe0f},
                                               {0xfeff, 0xfeff},
                                               {0xfff0, 0xfffb},
                                               {0xe0000, 0xe0fff}});
constexpr auto kCombining = std::to_array<Range>(
    {{0x300, 0x36f}, {0x483, 0x489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}});
// East Asian Width W and F (UAX #11), in blocks.
constexpr auto kWide = std::to_array<Range>({{0x1100, 0x115f},
                                             {0x2e80, 0x303e},
                                             {0x3041, 0xa4cf},
                                             {0xa960, 0xa97c},
                                             {0xac00, 0xd7a3},
                                             {0xf900, 0xfaff},
                                             {0xfe30, 0xfe6f},
                                             {0xff00, 0xff60},
                                             {0xffe0, 0xffe6},
                                             {0x1f300, 0x1f64f},
                                             {0x1f680, 0x1f6ff},
                                             {0x1f900, 0x1f9ff},
                                             {0x20000, 0x3fffd}});

bool in(std::span<const Range> ranges, char32_t point) {
  return std::ranges::any_of(ranges, [&](const Range& range) { return point >= range.first && point <= range.last; });
}

struct Character {
  std::string_view bytes;
  char32_t point = 0;
  bool valid = false;  // UTF-8 (RFC 3629), not overlong, no surrogate
  std::size_t columns() const {
    if (!valid) return 1;
    return in(kCombining, point) ? 0 : in(kWide, point) ? 2 : 1;
  }
};

// REQUIRES: text is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  const Character broken{.bytes = text.substr(0, 1)};
  if (size == 0 || size > text.size() || lead >= 0xf5) return broken;
  char32_t point = size == 1 ? lead : lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return broken;
    point = point << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return broken;
  return {.bytes = text.substr(0, size), .point = point, .valid = true};
}

// The longest beginning of at most `width` columns; at least one character, unless the text is empty.
std::size_t fitting(std::string_view text, std::size_t width) {
  std::size_t size = 0;
  std::size_t used = 0;
  while (size < text.size()) {
    const Character next = first_character(text.substr(size));
    used += next.columns();
    if (used > width && size > 0) break;
    size += next.bytes.size();
  }
  return size;
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    sum += next.columns();
    text.remove_prefix(next.bytes.size());
  }
  return sum;
}

std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character next = first_character(text);
    if (!next.valid || (in(kTricky, next.point) && next.point < 0x80)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(next.bytes.front()));
    } else if (in(kTricky, next.point)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(next.point));
    } else {
      out += next.bytes;
    }
    text.remove_prefix(next.bytes.size());
  }
  return out;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  return std::string(text.substr(0, fitting(text, width - 1))) + "…";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t most) {
  width = std::max<std::size_t>(width, 8);
  std::vector<std::string> lines;
  while (!text.empty()) {
    if (lines.size() + 1 == most) {
      lines.push_back(cut(text, width));
      break;
    }
    std::size_t size = fitting(text, width);
    if (size < text.size() && text[size] != ' ') {
      const std::size_t at = text.substr(0, size).find_last_of(" ,");
      if (at != std::string_view::npos && at > 0) size = at + 1;
    }
    std::string_view line = text.substr(0, size);
    text.remove_prefix(size);
    while (line.ends_with(' ')) line.remove_suffix(1);
    while (text.starts_with(' ')) text.remove_prefix(1);
    lines.emplace_back(line);
  }
  return lines;
}

}  // namespace sonde::cli
