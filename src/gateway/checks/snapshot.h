// A configuration put to work: what a reload swaps as one. Immutable; whoever works with it keeps it alive.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/checks/check.h"
#include "gateway/checks/worker.h"
#include "gateway/discovery/sd_document.h"
#include "gateway/options.h"
#include "probes/check/prober.h"

namespace sonde::gateway {

struct Snapshot {
  GatewayOptions options;
  std::map<std::string, std::shared_ptr<const probes::Prober>, std::less<>> probers;  // by module
  std::shared_ptr<const IsExcluded> excluded;  // what allow_targets and deny_targets refuse
  Nanos loaded = 0;                            // wall clock
  std::vector<InputError> warnings;            // modules whose probes all fail for now: a file is missing
  std::vector<std::string> files;              // all that it was made of: the configuration and what its modules name

  const std::shared_ptr<const probes::Prober>* prober(std::string_view module) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// Makes the probers. One that cannot be made (a file that its module names is missing, as it may be for a while) fails
// each of its probes, as in blackbox_exporter. The error names the key.
Parsed<SnapshotPtr> make_snapshot(GatewayOptions options, Nanos unix_now);

// The checks of entry `entry`, of its own targets and of those that were found for it. Labels of the entry win over
// those of the source. The same target twice is one check.
std::vector<CheckPtr> checks_of(const Snapshot& snapshot, const CheckEntry& entry, const std::vector<SdTarget>& found);

// Where a run of module `prober` ends at the latest, if nobody says otherwise: its own timeout; never beyond
// `interval`.
Nanos timeout_of(const probes::Prober& prober, Nanos interval);

}  // namespace sonde::gateway
