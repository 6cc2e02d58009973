#include "doctor/machine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "doctor/cgroup.h"
#include "doctor/tree.h"
#include "os/fd.h"
#include "os/machine.h"

namespace sonde::doctor {
namespace {

// Bits of capability sets, linux/capability.h.
constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapNetRaw = 13;
constexpr unsigned kCapIpcLock = 14;
constexpr unsigned kCapSysAdmin = 21;
constexpr unsigned kCapSysResource = 24;

std::optional<ProcessLimit> process_limit(__rlimit_resource_t which) {
  rlimit limit{};
  if (getrlimit(which, &limit) != 0) return std::nullopt;
  return ProcessLimit{.soft = limit.rlim_cur, .hard = limit.rlim_max};  // RLIM_INFINITY is UINT64_MAX
}

ThreeReadings three(const std::vector<std::uint64_t>& numbers) {
  if (numbers.size() < 3) return std::nullopt;
  return std::array<std::uint64_t, 3>{numbers[0], numbers[1], numbers[2]};
}

// The word in brackets: "always [madvise] never".
std::string chosen_word(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  return open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1) : std::string();
}

// The number behind `key` in a line such as "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0".
Reading value_in_line(const std::string& text, std::string_view line_start, std::string_view key) {
  const std::size_t line = text.find(line_start);
  if (line == std::string::npos) return std::nullopt;
  const std::string row = text.substr(line, text.find('\n', line) - line);
  const std::size_t at = row.find(" " + std::string(key) + " ");
  if (at == std::string::npos) return std::nullopt;
  const std::vector<std::uint64_t> numbers = numbers_of(row.substr(at + key.size() + 2));
  return numbers.empty() ? Reading() : numbers.front();
}

std::optional<std::uint64_t> hex_field(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(text.c_str() + at + key.size(), nullptr, 16);
}

void read_process(const Tree& tree, Machine& machine) {
  machine.descriptors = process_limit(RLIMIT_NOFILE);
  machine.memlock = process_limit(RLIMIT_MEMLOCK);
  machine.cpus = os::usable_cpus();
  machine.root = geteuid() == 0;
  machine.uring = io::probe_uring();
  machine.kernel = tree.line("proc/sys/kernel/osrelease");
  const std::string status = tree.text("proc/self/status");
  const std::optional<std::uint64_t> effective = hex_field(status, "\nCapEff:");
  const std::uint64_t bounding = hex_field(status, "\nCapBnd:").value_or(0);
  if (!effective) return;
  // Root of a user namespace has its powers over that namespace alone; these two are asked of the first one.
  const std::vector<std::uint64_t> uid_map = numbers_of(tree.text("proc/self/uid_map"));
  const bool first_namespace = uid_map.size() < 3 || uid_map[2] == 0xffffffff;
  const auto has = [&](unsigned bit) { return (*effective >> bit & 1) != 0; };
  machine.capabilities =
      Capabilities{.net_raw = has(kCapNetRaw),
                   .net_admin = has(kCapNetAdmin),
                   .sys_resource = has(kCapSysResource) && first_namespace,
                   .sys_admin = has(kCapSysAdmin) && first_namespace,
                   .ipc_lock = has(kCapIpcLock) && first_namespace,
                   .reachable_sys_resource = (bounding >> kCapSysResource & 1) != 0 && first_namespace};
}

void read_files(const Tree& tree, Machine& machine) {
  machine.nr_open = tree.number("proc/sys/fs/nr_open");
  machine.file_max = tree.number("proc/sys/fs/file-max");
  machine.files_in_use = tree.number("proc/sys/fs/file-nr");  // its first number
  machine.epoll_watches = tree.number("proc/sys/fs/epoll/max_user_watches");
  machine.map_count = tree.number("proc/sys/vm/max_map_count");
  machine.io_uring_disabled = tree.number("proc/sys/kernel/io_uring_disabled");
  machine.io_uring_group = tree.line("proc/sys/kernel/io_uring_group");
}

// One datagram to a socket of our own: from then on a table of connections that is used is not empty.
void touch_conntrack() {
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const own = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket.get(), own, length) != 0 || getsockname(socket.get(), own, &length) != 0) return;
  (void)sendto(socket.get(), "", 1, 0, own, length);  // where loopback is down the count is all there is
}

// Of each CPU's line the first two columns, hexadecimal: packets passed, packets dropped.
void read_packet_counts(const Tree& tree, Machine& machine) {
  const std::string text = tree.text("proc/net/softnet_stat");
  if (text.empty()) return;
  std::uint64_t passed = 0;
  std::uint64_t dropped = 0;
  for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
    char* end = nullptr;
    passed += std::strtoull(text.c_str() + at, &end, 16);
    dropped += std::strtoull(end, nullptr, 16);
  }
  machine.netdev_passed = passed;
  machine.netdev_dropped = dropped;
}

void read_tcp(const Tree& tree, Machine& machine) {
  const std::vector<std::uint64_t> range = tree.numbers("proc/sys/net/ipv4/ip_local_port_range");
  if (range.size() >= 2) machine.ports = PortRange{.first = range[0], .last = range[1]};
  machine.tw_reuse = tree.number("proc/sys/net/ipv4/tcp_tw_reuse");
  machine.tw_buckets = tree.number("proc/sys/net/ipv4/tcp_max_tw_buckets");
  machine.orphans_max = tree.number("proc/sys/net/ipv4/tcp_max_orphans");
  machine.tcp_mem = three(tree.numbers("proc/sys/net/ipv4/tcp_mem"));
  machine.tcp_rmem = three(tree.numbers("proc/sys/net/ipv4/tcp_rmem"));
  machine.tcp_wmem = three(tree.numbers("proc/sys/net/ipv4/tcp_wmem"));
  machine.syn_backlog = tree.number("proc/sys/net/ipv4/tcp_max_syn_backlog");
  machine.syncookies = tree.number("proc/sys/net/ipv4/tcp_syncookies");
  machine.somaxconn = tree.number("proc/sys/net/core/somaxconn");
  machine.netdev_backlog = tree.number("proc/sys/net/core/netdev_max_backlog");
  read_packet_counts(tree, machine);
  const std::string sockstat = tree.text("proc/net/sockstat");
  machine.time_wait = value_in_line(sockstat, "TCP:", "tw");
  machine.orphans = value_in_line(sockstat, "TCP:", "orphan");
  machine.sockets = value_in_line(sockstat, "TCP:", "alloc");
  machine.buffer_pages = value_in_line(sockstat, "TCP:", "mem");
  machine.conntrack_max = tree.number("proc/sys/net/netfilter/nf_conntrack_max");
  if (machine.conntrack_max && tree.is_real()) touch_conntrack();
  machine.conntrack_count = tree.number("proc/sys/net/netfilter/nf_conntrack_count");
}

void read_memory(const Tree& tree, Machine& machine) {
  const std::string meminfo = "\n" + tree.text("proc/meminfo");
  const auto field = [&](std::string_view name, std::uint64_t unit) -> Reading {
    const std::size_t at = meminfo.find("\n" + std::string(name) + ":");
    if (at == std::string::npos) return std::nullopt;
    return std::strtoull(meminfo.c_str() + at + name.size() + 2, nullptr, 10) * unit;
  };
  machine.memory_total = field("MemTotal", 1024);
  machine.memory_available = field("MemAvailable", 1024);
  machine.huge_pages_free = field("HugePages_Free", 1);
  machine.transparent_huge_pages = chosen_word(tree.line("sys/kernel/mm/transparent_hugepage/enabled"));
}

void read_time(const Tree& tree, Machine& machine) {
  const std::string folder = "sys/devices/system/clocksource/clocksource0/";
  machine.clocksource = tree.line(folder + "current_clocksource");
  machine.tsc_offered = (" " + tree.line(folder + "available_clocksource") + " ").find(" tsc ") != std::string::npos;
}

}  // namespace

Machine read_machine(const std::string& root) {
  const Tree tree(root);
  Machine machine;
  read_process(tree, machine);
  read_files(tree, machine);
  read_tcp(tree, machine);
  read_memory(tree, machine);
  read_cgroup(tree, machine);
  read_time(tree, machine);
  return machine;
}

}  // namespace sonde::doctor
