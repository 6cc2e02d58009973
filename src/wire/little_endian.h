// Little-endian numbers, which few protocols have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sonde::wire {

// REQUIRES: four bytes at `at`.
inline std::uint32_t le32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

}  // namespace sonde::wire
