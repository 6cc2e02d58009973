// `sonde schema`: what a record may hold, as the modules declare it.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_schema(std::span<const std::string> arguments);

}  // namespace sonde::cli
