// Builds TLS bytes in tests: numbers and length-prefixed vectors put together, and hexadecimal text as RFCs print it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace sonde::wire {

using TlsBytes = std::vector<std::byte>;

inline TlsBytes operator+(TlsBytes a, const TlsBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
// A big-endian number of `size` bytes.
inline TlsBytes number(std::uint64_t value, std::size_t size) {
  TlsBytes bytes(size);
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<std::byte>(value & 0xff);
  return bytes;
}
inline TlsBytes u8(std::uint64_t value) { return number(value, 1); }
inline TlsBytes u16(std::uint64_t value) { return number(value, 2); }
// `body` behind its length of `size` bytes; `lie` is added to the length.
inline TlsBytes vec(std::size_t size, const TlsBytes& body, std::int64_t lie = 0) {
  return number(body.size() + static_cast<std::uint64_t>(lie), size) + body;
}
inline TlsBytes zeros(std::size_t size) { return TlsBytes(size); }
inline TlsBytes text(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
inline TlsBytes hex(std::string_view digits) {
  TlsBytes bytes;
  unsigned value = 0;
  bool half = false;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    value = value << 4 | static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    if (half) bytes.push_back(static_cast<std::byte>(value & 0xff));
    half = !half;
  }
  return bytes;
}
inline TlsBytes extension(std::uint16_t type, const TlsBytes& body) { return u16(type) + vec(2, body); }

}  // namespace sonde::wire
