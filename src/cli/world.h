// `sonde world`: a population of targets on loopback.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_world(std::span<const std::string> arguments);

}  // namespace sonde::cli
