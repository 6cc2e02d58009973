#include "base/number_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace sonde {

std::string short_count(double value) {
  if (value < 1000) return fmt::format("{:.0f}", value);
  for (const char unit : {'k', 'M', 'G'}) {
    value /= 1000;
    if (value < 1000 || unit == 'G')
      return value < 99.95 ? fmt::format("{:.1f}{}", value, unit) : fmt::format("{:.0f}{}", value, unit);
  }
  return {};
}

std::string clock_text(double value) {
  const auto whole = static_cast<std::uint64_t>(std::clamp(value, 0.0, 1e9));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string short_bytes(double bytes) {
  if (bytes < 1024) return fmt::format("{:.0f} B", bytes);
  for (const char* unit : {"KiB", "MiB", "GiB", "TiB"}) {
    bytes /= 1024;
    if (bytes < 1024 || *unit == 'T') return fmt::format("{:.1f} {}", bytes, unit);
  }
  return {};
}

}  // namespace sonde
