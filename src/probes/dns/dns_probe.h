// The dns probe: what does a name server answer? The target is the server, asked over UDP, TCP or TLS. Any answer to
// the query is success; its rcode is data. Over UDP a query is sent three times at most, and a cut answer asked for
// again over TCP; what answers no query of this probe is counted and waited past.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_dns_module();

}  // namespace sonde::probes
