// The tls probe: what a server tells of itself in a handshake. `lean` (lean_handshake.h) stops at the certificate;
// `full` (tls/client_session.h) completes it. Where asked for, it begins with a STARTTLS dialogue, and goes on over
// further connections: resumption three ways, surveys of versions, suites and groups, JARM. One record a target.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_tls_module();

}  // namespace sonde::probes
