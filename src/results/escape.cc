#include "results/escape.h"

#include <cstddef>
#include <cstdint>

namespace sonde::results {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_hex(unsigned char byte, std::string& out) {
  out += "\\x";
  out += kHex[byte >> 4];
  out += kHex[byte & 0xf];
}

// The length of the UTF-8 sequence at the start of `bytes` (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0
// when there is none.
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  const unsigned char second = at(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) return 0;
  return length;
}

bool is_plain(unsigned char c) { return (c >= 0x20 && c < 0x7f && c != '\\') || c == '\t' || c == '\n' || c == '\r'; }

int hex_value(char c) {
  const std::size_t found = kHex.find(c);
  return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

}  // namespace

void append_escaped(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    std::size_t run = 0;
    while (run < bytes.size() && is_plain(static_cast<unsigned char>(bytes[run]))) ++run;
    out += bytes.substr(0, run);
    bytes.remove_prefix(run);
    if (bytes.empty()) return;
    const std::size_t length = sequence_length(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    const bool c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
    if (length >= 2 && !c1) {
      out += bytes.substr(0, length);
      bytes.remove_prefix(length);
    } else {
      const std::size_t count = c1 ? 2 : 1;
      for (std::size_t i = 0; i < count; ++i) append_hex(static_cast<unsigned char>(bytes[i]), out);
      bytes.remove_prefix(count);
    }
  }
}

std::string escaped(std::string_view bytes) {
  std::string text;
  append_escaped(bytes, text);
  return text;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' && hex_value(text[i + 2]) >= 0 &&
        hex_value(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 2]) << 4 | hex_value(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace sonde::results
