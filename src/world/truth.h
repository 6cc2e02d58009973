// The truth of a world: what a scan of it must find, a line an endpoint.
#pragma once

#include <string>

#include "population/population.h"

namespace sonde::world {

// Appends {"ip","port","role","tcp":{"outcome","phase"},"banner":{"outcome","phase","protocol","text"}} and a line end;
// what does not apply is absent.
void append_truth(const Endpoint& endpoint, const population::Role& role, std::string& out);

}  // namespace sonde::world
