// `sonde demo`: the main job end to end in under a minute.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_demo(std::span<const std::string> arguments);

}  // namespace sonde::cli
