// The table of contents of a report, and what its findings share.
#include "doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "doctor/engine_advice.h"
#include "doctor/findings.h"

namespace sonde::doctor {
namespace {

// In the order in which they are shown. nr_open precedes descriptors: its command must be run first.
using Examination = Finding (*)(const Case&);
constexpr auto kExaminations = std::to_array<Examination>({
    nr_open,   descriptors, open_files,    epoll_watches,  ports,          conntrack,    memory,
    time_wait, orphans,     buffer_memory, socket_buffers, listen_backlog, syn_backlog,  packet_backlog,
    memlock,   map_count,   huge_pages,    io_uring,       processors,     clock_source, capabilities,
});

bool uses_uring(const Machine& machine, io::Engine engine) {
  return engine != io::Engine::kEpoll && machine.uring.usable();
}

// More than the memory carries is no goal.
std::uint64_t goal_of(const Machine& machine, const Need& need, bool uring) {
  if (need.connections != 0) return need.connections;
  return std::clamp<std::uint64_t>(memory_carries(machine, need.loopback, uring).value_or(kBuiltFor), 1, kBuiltFor);
}

Capacity capacity_of(const std::vector<Finding>& findings) {
  Capacity capacity;
  for (const Finding& finding : findings) {
    if (!finding.allows || (capacity.connections && *capacity.connections <= *finding.allows)) continue;
    capacity = {.connections = finding.allows, .bound_by = finding.name};
  }
  return capacity;
}

}  // namespace

std::string_view to_string(Level level) {
  constexpr std::array<std::string_view, 4> kNames = {"ok", "limits", "warn", "unknown"};
  return kNames[static_cast<std::size_t>(level)];
}

const Finding* Report::find(std::string_view name) const {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.name == name; });
  return found == findings.end() ? nullptr : &*found;
}

Report examine(const Machine& machine, const Need& need) {
  const bool uring = uses_uring(machine, need.engine);
  const Case the{.machine = machine, .need = need, .goal = goal_of(machine, need, uring), .uring = uring};
  Report report;
  for (const Examination& examination : kExaminations) report.findings.push_back(examination(the));
  report.capacity = capacity_of(report.findings);
  report.engine = engine_advice(machine);
  report.kernel = machine.kernel;
  report.goal = the.goal;
  return report;
}

Finding hidden(std::string_view name, std::string_view path) {
  return {.name = std::string(name),
          .value = "hidden",
          .level = Level::kUnknown,
          .explanation = fmt::format("{} cannot be read here; the verdict does without it.", path)};
}

void judge(Finding& finding, const Case& the, Fix fix) {
  if (!finding.allows || *finding.allows >= the.goal) return;
  finding.level = Level::kLimits;
  finding.command = sysctl_command(the.machine, fix);
  finding.fix = std::move(fix);
}

std::string sysctl_command(const Machine& machine, const Fix& fix) {
  const bool quote = fix.value.find(' ') != std::string::npos;
  return fmt::format("{}sysctl -w {}={}", machine.root ? "" : "sudo ", fix.key,
                     quote ? fmt::format("'{}'", fix.value) : fix.value);
}

std::uint64_t with_room(std::uint64_t n) {
  const std::uint64_t wide = add(n, n / 8);
  return wide > UINT64_MAX - 1000 ? wide : (wide + 999) / 1000 * 1000;
}

std::uint64_t add(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) { return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b; }

std::string grouped(std::uint64_t n) {
  if (n == UINT64_MAX) return "unlimited";
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string in_bytes(std::uint64_t bytes) {
  if (bytes == UINT64_MAX) return "unlimited";
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1000 && unit + 1 < kUnits.size(); ++unit) size /= 1000;
  return fmt::format("{:.{}f} {}", size, unit == 0 || size >= 100 ? 0 : 1, kUnits[unit]);
}

}  // namespace sonde::doctor
