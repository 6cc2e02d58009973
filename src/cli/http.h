// `sonde http`: one target, a request with its waterfall, for a person to read.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_http(std::span<const std::string> arguments);

}  // namespace sonde::cli
