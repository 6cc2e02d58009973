// What does not bound the number of connections, but decides how well they are carried.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "doctor/findings.h"

namespace sonde::doctor {
namespace {

constexpr std::uint64_t kPage = 4096;

// The most that the kernel takes without asking: its own arithmetic is in 32 bits.
constexpr std::uint64_t kMostBacklog = 2'147'483'647;

// One packet lost in so many since boot is not worth a word.
constexpr std::uint64_t kHarmlessLoss = 100'000;

std::string three(const std::array<std::uint64_t, 3>& numbers) {
  return fmt::format("{} {} {}", numbers[0], numbers[1], numbers[2]);
}

void advise(Finding& finding, const Case& the, Fix fix) {
  finding.level = Level::kWarn;
  finding.command = sysctl_command(the.machine, fix);
  finding.fix = std::move(fix);
}

// "12 of 131,072", or what of it can be read.
std::string used_of(const Reading& used, const Reading& most) {
  return fmt::format("{} of {}", used ? grouped(*used) : "?", most ? grouped(*most) : "?");
}

bool nearly_full(const Reading& used, const Reading& most) { return used && most && *used > *most - *most / 4; }

}  // namespace

Finding time_wait(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.tw_buckets && !machine.time_wait) return hidden("time_wait", "/proc/net/sockstat");
  Finding finding{.name = "time_wait",
                  .value = fmt::format("{}, tcp_tw_reuse {}", used_of(machine.time_wait, machine.tw_buckets),
                                       machine.tw_reuse ? std::to_string(*machine.tw_reuse) : "?"),
                  .explanation =
                      "sonde closes with RST after the verdict and leaves none; what other programs leave "
                      "holds source ports for 60 s."};
  if (nearly_full(machine.time_wait, machine.tw_buckets))
    advise(finding, the,
           {.key = "net.ipv4.tcp_max_tw_buckets", .value = std::to_string(with_room(*machine.tw_buckets * 2))});
  return finding;
}

Finding orphans(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.orphans_max && !machine.orphans) return hidden("orphans", "/proc/sys/net/ipv4/tcp_max_orphans");
  Finding finding{.name = "orphans",
                  .value = used_of(machine.orphans, machine.orphans_max),
                  .explanation =
                      "Closed by their program, not yet by the peer; closing with RST leaves none, closing "
                      "with FIN does under load, and beyond this number the kernel resets them."};
  if (nearly_full(machine.orphans, machine.orphans_max))
    advise(finding, the,
           {.key = "net.ipv4.tcp_max_orphans", .value = std::to_string(with_room(*machine.orphans_max * 2))});
  return finding;
}

Finding buffer_memory(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.tcp_mem) return hidden("buffer_memory", "/proc/sys/net/ipv4/tcp_mem");
  const auto& [low, pressure, most] = *machine.tcp_mem;
  const std::uint64_t used = machine.buffer_pages.value_or(0);
  Finding finding{
      .name = "buffer_memory",
      .value = fmt::format("{} used, pressure at {}, at most {}", in_bytes(multiply(used, kPage)),
                           in_bytes(multiply(pressure, kPage)), in_bytes(multiply(most, kPage))),
      .explanation = fmt::format("An idle connection has no buffer; with 4 kB queued each, {} may have data at once.",
                                 grouped(most - std::min(most, used)))};
  // A tenth of the connections with data at once is a busy moment; less room than that shrinks every window.
  const std::uint64_t busy = add(used, the.goal / 10);
  if (busy < pressure && used < most - most / 4) return finding;
  const std::uint64_t scale = busy / std::max<std::uint64_t>(pressure, 1) + 1;
  finding.explanation += fmt::format(
      " A tenth of {} connections having some is past the pressure point: their windows "
      "will shrink.",
      grouped(the.goal));
  finding.level = Level::kWarn;
  // Buffers for more than half of the memory would only move the trouble.
  if (multiply(multiply(most, scale), kPage) > machine.memory_total.value_or(UINT64_MAX) / 2) return finding;
  advise(finding, the,
         {.key = "net.ipv4.tcp_mem",
          .value = three({multiply(low, scale), multiply(pressure, scale), multiply(most, scale)})});
  return finding;
}

Finding socket_buffers(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.tcp_rmem || !machine.tcp_wmem) return hidden("socket_buffers", "/proc/sys/net/ipv4/tcp_rmem");
  return {.name = "socket_buffers",
          .value = fmt::format("read {}, write {}", three(*machine.tcp_rmem), three(*machine.tcp_wmem)),
          .explanation = "Bounds of one connection's buffers, taken only for data that waits: an idle one takes none."};
}

Finding listen_backlog(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.somaxconn) return hidden("listen_backlog", "/proc/sys/net/core/somaxconn");
  Finding finding{.name = "listen_backlog",
                  .value = fmt::format("somaxconn {}", grouped(*machine.somaxconn)),
                  .explanation =
                      "Connections that a listener on this machine may leave unaccepted; of no concern for "
                      "remote targets."};
  if (!the.need.loopback || *machine.somaxconn >= the.goal) return finding;
  finding.explanation = fmt::format(
      "A listener on this machine that does not accept holds {} connections; further SYNs "
      "are dropped and retried.",
      grouped(add(*machine.somaxconn, 1)));
  advise(finding, the,
         {.key = "net.core.somaxconn",
          .value = std::to_string(std::min(std::max<std::uint64_t>(with_room(the.goal), 65535), kMostBacklog))});
  return finding;
}

Finding syn_backlog(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.syn_backlog) return hidden("syn_backlog", "/proc/sys/net/ipv4/tcp_max_syn_backlog");
  Finding finding{.name = "syn_backlog",
                  .value = fmt::format("{}, syncookies {}", grouped(*machine.syn_backlog),
                                       machine.syncookies ? std::to_string(*machine.syncookies) : "?"),
                  .explanation =
                      "Half-open connections of a listener on this machine; with syncookies more are served "
                      "all the same."};
  if (the.need.loopback && machine.syncookies == 0U && *machine.syn_backlog < 65536)
    advise(finding, the, {.key = "net.ipv4.tcp_max_syn_backlog", .value = "65536"});
  return finding;
}

Finding packet_backlog(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.netdev_backlog) return hidden("packet_backlog", "/proc/sys/net/core/netdev_max_backlog");
  const std::uint64_t dropped = machine.netdev_dropped.value_or(0);
  Finding finding{.name = "packet_backlog",
                  .value = fmt::format("{} a CPU, {} dropped since boot", grouped(*machine.netdev_backlog),
                                       machine.netdev_dropped ? grouped(dropped) : "?"),
                  .explanation = "Packets that wait for a CPU, those of loopback too; what finds no room is dropped."};
  if (dropped <= machine.netdev_passed.value_or(0) / kHarmlessLoss) return finding;
  finding.level = Level::kWarn;
  finding.explanation = "Packets that found no room were dropped on this machine: a scan sees them as timeouts.";
  const std::uint64_t to = std::clamp<std::uint64_t>(multiply(*machine.netdev_backlog, 4), 16384, 65536);
  if (to > *machine.netdev_backlog)
    advise(finding, the, {.key = "net.core.netdev_max_backlog", .value = std::to_string(to)});
  return finding;
}

Finding memlock(const Case& the) {
  const std::optional<ProcessLimit>& limit = the.machine.memlock;
  if (!limit) return hidden("memlock", "RLIMIT_MEMLOCK");
  const bool exempt = the.machine.capabilities && the.machine.capabilities->ipc_lock;
  return {.name = "memlock",
          .value = exempt ? fmt::format("{}, exempt (CAP_IPC_LOCK)", in_bytes(limit->soft)) : in_bytes(limit->soft),
          .explanation =
              "Read buffers are locked in memory as far as this allows; beyond it they may be swapped, and "
              "nothing fails."};
}

Finding map_count(const Case& the) {
  if (!the.machine.map_count) return hidden("map_count", "/proc/sys/vm/max_map_count");
  return {.name = "map_count",
          .value = grouped(*the.machine.map_count),
          .explanation = "Memory mappings of a process; sonde has a few for each worker and ring."};
}

Finding huge_pages(const Case& the) {
  const Machine& machine = the.machine;
  if (machine.transparent_huge_pages.empty() && !machine.huge_pages_free)
    return hidden("huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled");
  return {.name = "huge_pages",
          .value = fmt::format("{} reserved and free, transparent: {}", grouped(machine.huge_pages_free.value_or(0)),
                               machine.transparent_huge_pages.empty() ? "?" : machine.transparent_huge_pages),
          .explanation = "They spare address translations with very many connections; nothing needs them."};
}

Finding io_uring(const Case& the) {
  const Machine& machine = the.machine;
  Finding finding{.name = "io_uring",
                  .value = "usable",
                  .explanation = "Its direct descriptors carry more connections than a process may have descriptors."};
  if (machine.uring.usable()) return finding;
  finding.value = "not usable";
  // Without it nothing is wrong as long as descriptors do not run out.
  if (the.need.engine == io::Engine::kUring || descriptors(the).level == Level::kLimits) finding.level = Level::kWarn;
  finding.explanation = fmt::format("{}; sonde uses epoll.", machine.uring.why_not());
  const std::uint64_t disabled = machine.io_uring_disabled.value_or(0);
  if (machine.uring.set_up || disabled == 0) {
    if (!machine.uring.set_up && machine.uring.fault.kind == ErrorKind::kNotPermitted)
      finding.explanation +=
          " A seccomp profile refuses it: containers need one that allows io_uring_setup, "
          "io_uring_enter and io_uring_register.";
    return finding;
  }
  // Not a Fix: it lowers a barrier that somebody may have raised on purpose.
  finding.explanation += " It is switched off by kernel.io_uring_disabled.";
  finding.command = sysctl_command(machine, {.key = "kernel.io_uring_disabled", .value = "0"});
  return finding;
}

Finding processors(const Case& the) {
  const Machine& machine = the.machine;
  Finding finding{
      .name = "processors", .value = fmt::format("{} usable", machine.cpus), .explanation = "One worker for each."};
  if (!machine.cpu_quota) return finding;
  finding.value += fmt::format(", a quota of {:.2g}", *machine.cpu_quota);
  if (*machine.cpu_quota >= machine.cpus) return finding;
  finding.level = Level::kWarn;
  finding.explanation = fmt::format(
      "The cgroup's quota (cpu.max) stops all workers for a part of each period: deadlines will be late; run with "
      "--workers {:.0f}, or raise the quota.",
      std::max(1.0, *machine.cpu_quota));
  return finding;
}

Finding clock_source(const Case& the) {
  const Machine& machine = the.machine;
  if (machine.clocksource.empty())
    return hidden("clock_source", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  Finding finding{.name = "clock_source", .value = machine.clocksource, .explanation = "Read without a system call."};
  constexpr std::array<std::string_view, 4> kSlow = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"};
  if (std::find(kSlow.begin(), kSlow.end(), machine.clocksource) == kSlow.end()) return finding;
  finding.level = Level::kWarn;
  finding.explanation =
      "Each reading of this clock is a system call, and there is one in every turn of a worker's loop.";
  if (machine.tsc_offered)
    finding.command = fmt::format("echo tsc | {}tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
                                  machine.root ? "" : "sudo ");
  return finding;
}

Finding capabilities(const Case& the) {
  const Machine& machine = the.machine;
  if (!machine.capabilities) return hidden("capabilities", "/proc/self/status");
  std::string held;
  const auto list = [&](bool has, std::string_view name) {
    if (has) held += fmt::format("{}{}", held.empty() ? "" : ", ", name);
  };
  list(machine.capabilities->net_raw, "net_raw");
  list(machine.capabilities->net_admin, "net_admin");
  list(machine.capabilities->sys_resource, "sys_resource");
  list(machine.capabilities->sys_admin, "sys_admin");
  return {.name = "capabilities",
          .value = held.empty() ? "none" : held,
          .explanation =
              "Connecting needs none; sys_resource raises the hard limit of descriptors, net_admin and root "
              "change sysctls."};
}

}  // namespace sonde::doctor
