// What would be probed, in order, one {"ip","port","host"} a line, and "url" of those that are URLs, without touching
// anything.
#pragma once

#include <optional>

#include "base/error.h"
#include "sinks/sink.h"
#include "targets/target_source.h"

namespace sonde::scan {

Result<> dry_run(targets::TargetSource& source, sinks::Sink& sink);

}  // namespace sonde::scan
