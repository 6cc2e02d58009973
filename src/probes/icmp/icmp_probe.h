// The icmp probe: does the host answer echo requests (RFC 792, RFC 4443), how soon, over how many hops? An answer
// counts when it brings back what the probe put into the request, whatever its identifier: of a ping socket the kernel
// sets that. When a request was sent stands in the request, so nothing of it is kept.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_icmp_module();

}  // namespace sonde::probes
