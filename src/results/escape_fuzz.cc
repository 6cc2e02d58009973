#include <cstdint>

#include "base/check.h"
#include "results/escape.h"

namespace {

// A second opinion on UTF-8, by decoding (RFC 3629): the code point at `at`, which moves behind it; -1 where none is.
std::int64_t decode(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  const int follow = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  constexpr std::int64_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  std::int64_t point = first & (0x3f >> follow);
  if (first < 0xc0 || first >= 0xf8) return -1;
  for (int i = 0; i < follow; ++i) {
    if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) return -1;
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3f);
  }
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return point < kLeast[follow] || point > 0x10ffff || surrogate ? -1 : point;
}

bool is_hex(char c) { return std::string_view("0123456789abcdef").find(c) != std::string_view::npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string text;
  sonde::results::append_escaped(bytes, text);
  SONDE_CHECK(sonde::results::unescaped(text) == bytes, "the bytes can be had back");

  std::size_t escapes = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::int64_t point = decode(text, at);
    SONDE_CHECK(point >= 0, "the text is UTF-8");
    const bool control =
        (point < 0x20 && point != '\t' && point != '\n' && point != '\r') || (point >= 0x7f && point < 0xa0);
    SONDE_CHECK(!control, "no control characters: C0, DEL, C1");
    if (point != '\\') continue;
    ++escapes;
    SONDE_CHECK(text.size() - at >= 3 && text[at] == 'x' && is_hex(text[at + 1]) && is_hex(text[at + 2]),
                "every backslash begins an escape");
  }

  // What is text already stays: only the backslashes of the first pass are escaped by a second.
  std::string again;
  sonde::results::append_escaped(text, again);
  SONDE_CHECK(again.size() == text.size() + 3 * escapes, "valid text is not escaped");
  return 0;
}
