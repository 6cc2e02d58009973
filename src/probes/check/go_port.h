// Ports as Go's net.Dial reads them: a number, maybe with a sign, or the name of a service of TCP; nothing is 0.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace sonde::probes {

// The error is Go's: "address 99999: invalid port", "address tcp/nosuch: unknown port".
Parsed<std::uint16_t> go_port(std::string_view text);

}  // namespace sonde::probes
