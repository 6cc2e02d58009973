// sonde tls: one target, everything about its TLS, for a person to read.
#pragma once

#include <span>
#include <string>

namespace sonde::cli {

int run_tls(std::span<const std::string> arguments);

}  // namespace sonde::cli
