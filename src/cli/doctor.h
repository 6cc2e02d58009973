// `sonde doctor`: what this machine carries, what limits it, and the commands that lift each limit.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_doctor(std::span<const std::string> arguments);

}  // namespace sonde::cli
