// `sonde hold`: opens many connections, keeps them, and tells what they cost.
#pragma once

#include "hold/hold_options.h"

namespace sonde::hold {

// From the options to the exit code: 0 done, 1 failed (none could be opened), 2 bad input, 3 ended by a signal.
int run(const HoldOptions& options);

}  // namespace sonde::hold
