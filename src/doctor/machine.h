// What this machine says about itself, as plain readings: nothing is judged here. Each reading is absent where /proc or
// /sys hides it (containers, old kernels, modules that are not loaded). Any thread; a value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "io/uring_features.h"

namespace sonde::doctor {

using Reading = std::optional<std::uint64_t>;
using ThreeReadings = std::optional<std::array<std::uint64_t, 3>>;

// A soft and a hard limit of the process; UINT64_MAX is unlimited.
struct ProcessLimit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct PortRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const { return last >= first ? last - first + 1 : 0; }
};

// What the process may do, by its effective capabilities; `reachable_sys_resource` is what sudo could give it.
struct Capabilities {
  bool net_raw = false;
  bool net_admin = false;
  bool sys_resource = false;  // may raise its own hard limits
  bool sys_admin = false;     // is not bound by fs.file-max
  bool ipc_lock = false;      // is not bound by RLIMIT_MEMLOCK
  bool reachable_sys_resource = false;
};

struct Machine {
  // Asked of the kernel.
  std::optional<ProcessLimit> descriptors;  // RLIMIT_NOFILE
  std::optional<ProcessLimit> memlock;      // RLIMIT_MEMLOCK, bytes
  std::uint32_t cpus = 1;                   // of the affinity mask
  bool root = false;                        // effective user 0
  io::UringFeatures uring;

  std::string kernel;  // release; empty where hidden
  std::optional<Capabilities> capabilities;

  // Files.
  Reading nr_open;             // the most that RLIMIT_NOFILE can be raised to
  Reading file_max;            // open files of the whole machine
  Reading files_in_use;        // of those
  Reading epoll_watches;       // fs.epoll.max_user_watches, of one user
  Reading map_count;           // vm.max_map_count
  Reading io_uring_disabled;   // 0 nobody is refused, 1 the unprivileged, 2 everybody
  std::string io_uring_group;  // gid that is allowed at 1; empty or "-1": none

  // TCP.
  std::optional<PortRange> ports;
  Reading tw_reuse;
  Reading tw_buckets;
  Reading time_wait;  // sockets in TIME_WAIT
  Reading orphans;    // sockets without a descriptor
  Reading orphans_max;
  Reading sockets;         // TCP sockets allocated
  Reading buffer_pages;    // pages of buffer memory in use
  ThreeReadings tcp_mem;   // pages: no pressure below, pressure above, most
  ThreeReadings tcp_rmem;  // bytes: least, at first, most
  ThreeReadings tcp_wmem;
  Reading somaxconn;
  Reading syn_backlog;
  Reading syncookies;
  Reading netdev_backlog;
  Reading netdev_dropped;  // packets that found that backlog full, since boot, all CPUs
  Reading netdev_passed;   // packets that did not
  Reading conntrack_max;   // absent: the module is not loaded
  Reading conntrack_count;

  // Memory, bytes.
  Reading memory_total;
  Reading memory_available;
  Reading cgroup_memory;            // the narrowest limit of the cgroup and those above it; absent: none
  Reading cgroup_memory_available;  // of that limit; page cache that can be dropped counts as available
  Reading huge_pages_free;
  std::string transparent_huge_pages;  // "always", "madvise", "never"; empty where hidden

  // Time and processors.
  std::optional<double> cpu_quota;  // processors' worth of time that the cgroup may use; absent: no quota
  std::string clocksource;          // empty where hidden
  bool tsc_offered = false;         // "tsc" is among the available clock sources
};

// Reads /proc and /sys below `root`; the process's limits, processors, user and io_uring are asked of the kernel. With
// the real root, one datagram is sent over loopback to a socket of our own, so that an empty table of connections
// means that nothing is tracked.
Machine read_machine(const std::string& root = "/");

}  // namespace sonde::doctor
