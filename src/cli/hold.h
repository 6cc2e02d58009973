// `sonde hold`: from its arguments to its exit code.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_hold(std::span<const std::string> arguments);

}  // namespace sonde::cli
