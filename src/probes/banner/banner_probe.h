// The banner probe: what speaks behind the port? It reads what the server says first; a server that stays silent for
// 500 ms gets the hello that most services answer (an HTTP request without a Host line, which Redis takes for an
// attack). A banner is whole when its protocol's processor says so, at FIN, or after 500 ms of silence behind a
// complete line.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_banner_module();

}  // namespace sonde::probes
