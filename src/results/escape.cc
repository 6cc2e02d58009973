#include "results/escape.h"

#include <cstddef>
#include <cstdint>

#include "base/utf8.h"

namespace sonde::results {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_hex(unsigned char byte, std::string& out) {
  out += "\\x";
  out += kHex[byte >> 4];
  out += kHex[byte & 0xf];
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
    const std::size_t length = utf8_length(bytes);
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
