// `sonde report`: what a scan's records say, as one page or as JSON.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_report(std::span<const std::string> arguments);

}  // namespace sonde::cli
