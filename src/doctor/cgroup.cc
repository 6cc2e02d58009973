#include "doctor/cgroup.h"

#include <algorithm>
#include <string_view>

namespace sonde::doctor {
namespace {

// Version 1 writes "no limit" as the largest multiple of a page.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

// The group's path in /proc/self/cgroup: of the unified hierarchy ("0::/a/b") or of a version 1 controller
// ("4:memory:/a/b", "3:cpu,cpuacct:/a/b"). Empty where there is none.
std::string group_path(const std::string& table, std::string_view controller) {
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    const std::string row = table.substr(at, end - at);
    at = end + 1;
    const std::size_t first = row.find(':');
    const std::size_t second = first == std::string::npos ? first : row.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + row.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (controller.empty() ? unified : controllers.find("," + std::string(controller) + ",") != std::string::npos)
      return row.substr(second + 1);
  }
  return {};
}

// Calls visit(folder) for the group and each one above it, down from the group. A container may see the path of a host
// whose groups it cannot: those folders are not there, and its own limits stand in the mount's root.
template <typename Visit>
void for_each_level(const std::string& mount, std::string group, const Visit& visit) {
  while (!group.empty() && group != "/") {
    visit(mount + group + "/");
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
  visit(mount + "/");
}

struct MemoryFiles {
  std::string_view limit;
  std::string_view usage;
  std::string_view droppable;  // the line of memory.stat
};
constexpr MemoryFiles kUnified = {"memory.max", "memory.current", "\ninactive_file "};
constexpr MemoryFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "\ntotal_inactive_file "};

void read_memory_level(const Tree& tree, const std::string& folder, const MemoryFiles& files, Machine& machine) {
  const std::optional<std::uint64_t> limit = tree.number(folder + std::string(files.limit));
  if (!limit || *limit >= kNoLimit) return;  // "max" is not a number
  std::uint64_t used = tree.number(folder + std::string(files.usage)).value_or(0);
  const std::string stat = "\n" + tree.text(folder + "memory.stat");
  if (const std::size_t at = stat.find(files.droppable); at != std::string::npos) {
    const std::vector<std::uint64_t> droppable = numbers_of(std::string_view(stat).substr(at + files.droppable.size()));
    if (!droppable.empty()) used -= std::min(used, droppable.front());
  }
  const std::uint64_t available = *limit - std::min(*limit, used);
  machine.cgroup_memory = std::min(machine.cgroup_memory.value_or(kNoLimit), *limit);
  machine.cgroup_memory_available = std::min(machine.cgroup_memory_available.value_or(kNoLimit), available);
}

void narrow_quota(Machine& machine, std::uint64_t quota, std::uint64_t period) {
  if (period == 0) return;
  const double processors = static_cast<double>(quota) / static_cast<double>(period);
  machine.cpu_quota = std::min(machine.cpu_quota.value_or(processors), processors);
}

}  // namespace

void read_cgroup(const Tree& tree, Machine& machine) {
  const std::string table = tree.text("proc/self/cgroup");
  const std::string mount = "sys/fs/cgroup";
  for_each_level(mount, group_path(table, ""), [&](const std::string& folder) {
    read_memory_level(tree, folder, kUnified, machine);
    const std::vector<std::uint64_t> quota = tree.numbers(folder + "cpu.max");  // "50000 100000" or "max 100000"
    if (quota.size() == 2) narrow_quota(machine, quota[0], quota[1]);
  });
  for_each_level(mount + "/memory", group_path(table, "memory"),
                 [&](const std::string& folder) { read_memory_level(tree, folder, kVersion1, machine); });
  for_each_level(mount + "/cpu", group_path(table, "cpu"), [&](const std::string& folder) {
    const std::optional<std::uint64_t> quota = tree.number(folder + "cpu.cfs_quota_us");  // -1: none, not a number here
    if (quota) narrow_quota(machine, *quota, tree.number(folder + "cpu.cfs_period_us").value_or(0));
  });
}

}  // namespace sonde::doctor
