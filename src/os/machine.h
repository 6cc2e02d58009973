// What this machine gives the process: processors, descriptors, clocks, memory.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace sonde::os {

Nanos monotonic_now();  // CLOCK_MONOTONIC
Nanos unix_now();       // CLOCK_REALTIME, nanoseconds since 1970

std::uint32_t usable_cpus();  // of the affinity mask, at least 1

// Raises the soft limit of open files to the hard one and returns it.
std::uint64_t raise_descriptor_limit();
std::uint64_t open_descriptors();  // in use by the process at this moment

// Gives the calling thread a descriptor table of its own, a copy of the one it shared: the limit of open files then
// bounds the thread. A descriptor opened in it must be closed in it. False: the kernel has no memory for it; the shared
// one stays.
bool own_descriptor_table();

std::uint64_t rss_peak_kb();  // VmHWM; 0 where /proc is hidden
std::uint64_t rss_kb();       // VmRSS, of this moment
Nanos cpu_used();             // by the process so far, user and system

std::uint64_t random_seed();  // from the kernel

}  // namespace sonde::os
