// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace sonde {

std::string short_count(double value);     // 12, 1.2k, 45.3M
std::string grouped(std::uint64_t value);  // 1,234,567
std::string clock_text(double seconds);    // 3:07, 1:02:03
std::string short_bytes(double bytes);     // 512 B, 1.5 KiB, 5.6 GiB

}  // namespace sonde
