#include "x509/der.h"

#include <utility>

namespace sonde::x509 {

std::optional<DerElement> DerReader::next() {
  const std::span<const std::byte> bytes = std::exchange(rest_, {});
  if (bytes.size() < 2) return std::nullopt;
  const auto tag = static_cast<std::uint8_t>(bytes[0]);
  if ((tag & 0x1f) == 0x1f) return std::nullopt;
  std::size_t length = static_cast<std::uint8_t>(bytes[1]);
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t digits = length & 0x7f;
    if (digits == 0 || digits > 4 || bytes.size() < header + digits) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < digits; ++i) length = (length << 8) | static_cast<std::uint8_t>(bytes[header + i]);
    header += digits;
  }
  if (length > bytes.size() - header) return std::nullopt;
  rest_ = bytes.subspan(header + length);
  return DerElement{.tag = tag, .content = bytes.subspan(header, length), .whole = bytes.first(header + length)};
}

std::optional<DerElement> DerReader::next(std::uint8_t tag) {
  if (rest_.empty() || static_cast<std::uint8_t>(rest_[0]) != tag) return std::nullopt;
  return next();
}

}  // namespace sonde::x509
