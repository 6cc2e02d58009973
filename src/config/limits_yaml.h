// `limits` of the gateway's configuration: the hybrid limiter.
#pragma once

#include "config/section.h"
#include "gateway/options.h"

namespace sonde::config {

gateway::LimitOptions read_limits(const Value& limits);

}  // namespace sonde::config
