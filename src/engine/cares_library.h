// What all uses of c-ares begin with.
#pragma once

#include <string>

#include "base/error.h"

struct ares_channeldata;
struct ares_options;

namespace sonde::engine {

// A channel with the options that `mask` (ARES_OPT_…) names. servers: "127.0.0.1:5353", "[::1]:53", comma-separated;
// empty: those of the options or the system. The caller destroys it.
Result<ares_channeldata*> open_cares(ares_options& options, int mask, const std::string& servers);

}  // namespace sonde::engine
