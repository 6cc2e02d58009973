// The limits of the process's control group, version 1 or 2: memory and processor time. Any thread.
#pragma once

#include "doctor/machine.h"
#include "doctor/tree.h"

namespace sonde::doctor {

// A group is bound by every group above it: the narrowest limit counts. Fills the cgroup_* readings and cpu_quota.
void read_cgroup(const Tree& tree, Machine& machine);

}  // namespace sonde::doctor
