// `sonde watch`: the health-check gateway.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_watch(std::span<const std::string> arguments);

}  // namespace sonde::cli
