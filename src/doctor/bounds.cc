// What bounds the number of connections. The costs in memory are measured: docs/benchmarks.md, `sonde hold`.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/findings.h"
#include "io/uring_backend.h"

namespace sonde::doctor {
namespace {

constexpr std::uint64_t kKernelBytesPerSocket = 3640;  // TCP, inode, file, dentry of one end
constexpr std::uint64_t kEpollBytes = 192;             // an epitem
constexpr std::uint64_t kUringBytes = 256;             // a pending poll
constexpr std::uint64_t kUserBytes = 256;              // slot, probe state, timer
constexpr std::uint64_t kKeptFor = 16;                 // a part in so many of the available memory is left alone

constexpr std::uint64_t kDirectTableMost = io::kLongestTable;
constexpr std::uint64_t kKeptDescriptors = 32;  // of a descriptor table: output, epoll or rings, resolver

constexpr std::uint64_t kLongSearch = 4096;  // ports that a connect looks at in vain, from which on it shows
constexpr std::uint64_t kAllPorts = 65535 - 1024 + 1;
constexpr std::uint64_t kTrackedBytes = 320;  // an entry of the connection tracking table

// Descriptors that a process needs for the goal: with epoll, each worker has a table of its own.
std::uint64_t descriptors_needed(const Case& the) {
  if (!the.uring) return (the.goal + the.workers() - 1) / the.workers() + kKeptDescriptors;
  // Rings of direct tables, each as long as the limit: their product must reach the goal.
  std::uint64_t limit = 1024;
  while ((limit - kKeptDescriptors) * std::min(limit, kDirectTableMost) < the.goal && limit < UINT64_MAX / 4)
    limit *= 2;
  return limit;
}

std::string raise_descriptors(const Case& the, std::uint64_t to) {
  const Machine& machine = the.machine;
  const std::string set = fmt::format("prlimit --pid $$ --nofile={0}:{0}", to);
  if (!machine.capabilities || machine.capabilities->sys_resource) return machine.root ? set : "sudo " + set;
  return !machine.root && machine.capabilities->reachable_sys_resource ? "sudo " + set : "";
}

}  // namespace

std::uint64_t bytes_per_connection(bool loopback, bool uring) {
  return kKernelBytesPerSocket * (loopback ? 2 : 1) + (uring ? kUringBytes : kEpollBytes) + kUserBytes;
}

Reading memory_carries(const Machine& machine, bool loopback, bool uring) {
  const Reading& whole = machine.memory_available;
  const Reading& group = machine.cgroup_memory_available;
  if (!whole && !group) return std::nullopt;
  const std::uint64_t bytes = std::min(whole.value_or(UINT64_MAX), group.value_or(UINT64_MAX));
  return (bytes - bytes / kKeptFor) / bytes_per_connection(loopback, uring);
}

Finding descriptors(const Case& the) {
  const std::optional<ProcessLimit>& limit = the.machine.descriptors;
  if (!limit) return hidden("descriptors", "RLIMIT_NOFILE");
  Finding finding{.name = "descriptors",
                  .value = fmt::format("soft {}, hard {}", grouped(limit->soft), grouped(limit->hard))};
  const std::uint64_t usable = limit->hard - std::min(limit->hard, kKeptDescriptors);
  const std::string soft = limit->soft < limit->hard ? " sonde raises the soft limit to the hard one by itself." : "";
  if (the.uring) {
    finding.allows = multiply(usable, std::min(limit->hard, kDirectTableMost));
    finding.explanation = fmt::format(
        "With io_uring each descriptor can be a ring with {} direct descriptors of its own, so this limit does not "
        "bound "
        "the process.",
        grouped(std::min(limit->hard, kDirectTableMost)));
  } else {
    finding.allows = multiply(usable, the.workers());
    finding.explanation =
        fmt::format("With epoll each of {} workers has a descriptor table of its own with {} descriptors.{}",
                    the.workers(), grouped(limit->hard), soft);
  }
  if (*finding.allows >= the.goal) return finding;
  finding.level = Level::kLimits;
  const std::uint64_t to = descriptors_needed(the);
  finding.command = raise_descriptors(the, to);
  if (finding.command.empty())
    finding.explanation += fmt::format(
        " It cannot be raised from here (CAP_SYS_RESOURCE is missing): start the container with --ulimit "
        "nofile={0}:{0}, or the service with LimitNOFILE={0}.",
        to);
  if (!the.uring && the.machine.uring.usable()) finding.explanation += " io_uring (--engine uring) is not bound by it.";
  return finding;
}

Finding nr_open(const Case& the) {
  if (!the.machine.nr_open) return hidden("nr_open", "/proc/sys/fs/nr_open");
  Finding finding{.name = "nr_open",
                  .value = grouped(*the.machine.nr_open),
                  .explanation = "The hard limit of descriptors can be raised up to this."};
  const std::uint64_t needed = descriptors_needed(the);
  const std::uint64_t hard = the.machine.descriptors ? the.machine.descriptors->hard : 0;
  if (needed <= *the.machine.nr_open || needed <= hard) return finding;
  finding.level = Level::kWarn;
  finding.fix = Fix{.key = "fs.nr_open", .value = std::to_string(with_room(needed))};
  finding.command = sysctl_command(the.machine, *finding.fix);
  return finding;
}

Finding open_files(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.file_max) return hidden("open_files", "/proc/sys/fs/file-max");
  const std::uint64_t used = machine.files_in_use.value_or(0);
  Finding finding{.name = "open_files",
                  .value = fmt::format("{} in use, at most {}", grouped(used),
                                       *machine.file_max > INT64_MAX / 2 ? "unlimited" : grouped(*machine.file_max))};
  if (machine.capabilities && machine.capabilities->sys_admin) {
    finding.explanation =
        "Open files of the whole machine; this process is not bound by it (CAP_SYS_ADMIN), but beyond it the others "
        "are.";
    return finding;
  }
  finding.allows = *machine.file_max - std::min(*machine.file_max, used);
  finding.explanation = "Open files of the whole machine; io_uring's direct descriptors count as well.";
  judge(finding, the, {.key = "fs.file-max", .value = std::to_string(with_room(add(the.goal, used)))});
  return finding;
}

Finding epoll_watches(const Case& the) {
  if (!the.machine.epoll_watches) return hidden("epoll_watches", "/proc/sys/fs/epoll/max_user_watches");
  Finding finding{.name = "epoll_watches", .value = grouped(*the.machine.epoll_watches)};
  if (the.uring) {
    finding.explanation = "Sockets that one user may watch with epoll; io_uring needs none.";
    return finding;
  }
  finding.allows = the.machine.epoll_watches;
  finding.explanation = "Sockets that one user may watch with epoll, all processes together.";
  judge(finding, the, {.key = "fs.epoll.max_user_watches", .value = std::to_string(with_room(the.goal))});
  return finding;
}

Finding ports(const Case& the) {
  const std::optional<PortRange>& range = the.machine.ports;
  if (!range) return hidden("ports", "/proc/sys/net/ipv4/ip_local_port_range");
  Finding finding{
      .name = "ports",
      .value = fmt::format("{}–{}: {}", range->first, range->last, grouped(range->size())),
      .explanation = fmt::format("Connections at once from one source address to one destination address and "
                                 "port: {}; more sources or destinations multiply it.",
                                 grouped(range->size()))};
  const Fix widest{.key = "net.ipv4.ip_local_port_range", .value = "1024 65535"};
  const bool can_widen = range->size() < kAllPorts;
  if (the.need.destinations == 0) {
    // So many destinations that ports do not bound; but a run against one of them will meet this first.
    if (!can_widen) return finding;
    finding.level = Level::kWarn;
    finding.command = sysctl_command(the.machine, widest);
    finding.fix = widest;
    return finding;
  }
  const std::uint64_t pairs = multiply(the.need.destinations, the.need.sources);
  finding.allows = multiply(range->size(), pairs);
  const bool long_search = range->size() / 2 >= kLongSearch && *finding.allows / 2 < the.goal;
  if (*finding.allows >= the.goal && !long_search) return finding;
  // connect(2) tries every other port first: when those are used up, each connection costs a search through all of
  // them.
  finding.level = *finding.allows >= the.goal ? Level::kWarn : Level::kLimits;
  if (long_search)
    finding.explanation +=
        " Beyond half of them the kernel searches long for each: opening slows to some hundred a second.";
  if (can_widen) {
    finding.command = sysctl_command(the.machine, widest);
    finding.fix = widest;
  }
  if (multiply(kAllPorts, pairs) < the.goal)
    finding.explanation += fmt::format(" {} connections need at least {} pairs of source and destination.",
                                       grouped(the.goal), grouped((the.goal + kAllPorts - 1) / kAllPorts));
  return finding;
}

Finding conntrack(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.conntrack_max)
    return {.name = "conntrack", .value = "not loaded", .explanation = "The firewall tracks no connections."};
  const std::uint64_t count = machine.conntrack_count.value_or(0);
  Finding finding{.name = "conntrack",
                  .value = fmt::format("{} tracked, at most {}", grouped(count), grouped(*machine.conntrack_max))};
  if (machine.conntrack_count && count == 0) {
    finding.explanation = "Loaded, but no firewall rule of this network namespace makes it track.";
    return finding;
  }
  finding.allows = *machine.conntrack_max - std::min(*machine.conntrack_max, count);
  finding.explanation =
      "The firewall tracks each connection, an unanswered SYN for up to 120 s; when its table is full, packets are "
      "dropped and look like timeouts.";
  const std::uint64_t most = with_room(add(the.goal, count));
  judge(finding, the, {.key = "net.netfilter.nf_conntrack_max", .value = std::to_string(most)});
  if (finding.level == Level::kLimits)
    finding.explanation += fmt::format(" {} entries take about {}.", grouped(most), in_bytes(most * kTrackedBytes));
  return finding;
}

Finding memory(const Case& the) {
  const Machine& machine = the.machine;
  const Reading carries = memory_carries(machine, the.need.loopback, the.uring);
  if (!carries) return hidden("memory", "/proc/meminfo");
  const std::uint64_t each = bytes_per_connection(the.need.loopback, the.uring);
  const std::uint64_t available = machine.memory_available.value_or(UINT64_MAX);
  const bool group = machine.cgroup_memory_available && *machine.cgroup_memory_available < available;
  Finding finding{
      .name = "memory",
      .value = group ? fmt::format("{} available of the cgroup's {}", in_bytes(*machine.cgroup_memory_available),
                                   in_bytes(*machine.cgroup_memory))
                     : fmt::format("{} available of {}", in_bytes(available),
                                   in_bytes(machine.memory_total.value_or(available))),
      .allows = carries,
      .explanation = fmt::format("An idle connection takes {:.1f} kB, nearly all of it in the kernel{}.",
                                 static_cast<double>(each) / 1000, the.need.loopback ? ", both ends together" : "")};
  // Not the goal: where no number is stated, that is what the memory carries.
  const std::uint64_t wanted = the.need.connections != 0 ? the.need.connections : kBuiltFor;
  if (*carries >= wanted) return finding;
  finding.level = Level::kLimits;
  const std::uint64_t needed = multiply(wanted, each) / (kKeptFor - 1) * kKeptFor;
  finding.explanation +=
      fmt::format(" {} need {}{}.", grouped(wanted), in_bytes(needed),
                  group ? fmt::format(": raise the limit where the container or service is started (memory.max, "
                                      "MemoryMax=, --memory)")
                        : "; no setting gives that");
  return finding;
}

}  // namespace sonde::doctor
