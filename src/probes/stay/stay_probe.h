// The probe of `sonde hold`: connects and stays. What the peer sends is taken and forgotten; its FIN or RST ends it.
// When the connection has idled its time it stays, or, with leaves_idle, closes.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_stay_module(bool leaves_idle);

}  // namespace sonde::probes
