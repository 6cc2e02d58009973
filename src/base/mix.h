// Integer mixing: good avalanche, same value on every machine. Not cryptographic.
#pragma once

#include <cstdint>

namespace sonde {

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014). A bijection on 64 bits.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

constexpr std::uint64_t mix64(std::uint64_t a, std::uint64_t b) { return mix64(mix64(a) ^ b); }

}  // namespace sonde
