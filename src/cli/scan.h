// `sonde scan`: from its arguments to its exit code.
#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "scan/scan_options.h"

namespace sonde::cli {

int run_scan(std::span<const std::string> arguments);

}  // namespace sonde::cli
