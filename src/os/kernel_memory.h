// What the kernel holds for sockets and their kin, machine-wide: the difference of two readings is what a run added.
#pragma once

#include <cstdint>

namespace sonde::os {

struct KernelMemory {
  std::uint64_t slab_bytes = 0;    // /proc/meminfo, Slab
  std::uint64_t buffer_bytes = 0;  // /proc/net/sockstat, TCP mem
  std::uint64_t sockets = 0;       // /proc/net/sockstat, TCP alloc
  bool known = false;              // false where /proc hides them
};

KernelMemory kernel_memory();

}  // namespace sonde::os
