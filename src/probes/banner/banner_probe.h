// The banner probe: what speaks behind the port? It reads what the server says first; one that stays silent gets
// hellos, first the port's own, then those that most services answer, each on a connection of its own: what heard half
// a sentence of another protocol may be silent for that. A hello that is answered by silence, by closing or by what no
// protocol knows leads to the next one, and who answers another protocol's hello without its version gets its own. A
// banner is whole when its protocol's processor says so, at FIN, or after 500 ms of silence behind a complete line.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_banner_module();

}  // namespace sonde::probes
