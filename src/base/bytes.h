// Copying bytes. std::ranges::copy of std::byte is a loop, byte by byte, with GCC 12; this is one call.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace sonde {

// REQUIRES: `to` has room for them. The two may overlap.
inline void copy_bytes(std::span<const std::byte> from, std::byte* to) {
  if (!from.empty()) std::memmove(to, from.data(), from.size());
}

}  // namespace sonde
