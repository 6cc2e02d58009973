// The tcp probe: is the port open? Success at the SYN-ACK, whatever follows; not a byte is read or written.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_tcp_module();

}  // namespace sonde::probes
