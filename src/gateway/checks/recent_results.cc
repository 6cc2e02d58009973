#include "gateway/checks/recent_results.h"

#include <cmath>

namespace sonde::gateway {

std::uint8_t recent_code(bool success, std::int32_t duration_us) {
  if (!success) return 0;
  const double code = 1 + std::round(10 * std::log2(std::max(duration_us, 1) / 10.0));
  return static_cast<std::uint8_t>(std::clamp(code, 1.0, 255.0));
}

}  // namespace sonde::gateway
