#pragma once
#include <cstdint>
#include <span>
#include <string>
namespace sonde::probes {
inline std::string ja3s(std::uint16_t, std::uint16_t, std::span<const std::uint16_t>) { return {}; }
}  // namespace sonde::probes
