#include "wire/dns_text.h"

#include <algorithm>
#include <string_view>

namespace sonde::wire {

void append_number(std::string& out, std::uint32_t number) { out += std::to_string(number); }

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    out += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    out += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 0xf];
  }
}

void append_base64(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(3, bytes.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) out += i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 0x3f] : '=';
  }
}

void append_quoted(std::string& out, std::span<const std::byte> bytes) {
  out += '"';
  for (const std::byte byte : bytes) {
    const auto c = std::to_integer<std::uint8_t>(byte);
    if (c < ' ' || c >= 0x7f) {
      out += {'\\', static_cast<char>('0' + c / 100), static_cast<char>('0' + c / 10 % 10),
              static_cast<char>('0' + c % 10)};
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<char>(c);
  }
  out += '"';
}

}  // namespace sonde::wire
