// The version of the program, as `sonde version` and the summary say it.
#pragma once

#include <string_view>

namespace sonde {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace sonde
