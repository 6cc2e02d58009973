#include "doctor/preflight.h"

#include <fmt/format.h>

#include "doctor/findings.h"

namespace sonde::doctor {
namespace {

std::string counted(std::uint64_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : thing.ends_with("s") ? "es" : "s");
}

// What happens to a run of need.connections that meets the bound.
std::string consequence(const Finding& bound, const Need& need) {
  const std::uint64_t allows = *bound.allows;
  const std::uint64_t beyond = need.connections - allows;
  const std::string connections = counted(need.connections, "connection");
  if (bound.name == "ports")
    return fmt::format("{} from {} to {} need as many source ports; there are {}, so {} will wait or fail", connections,
                       counted(need.sources, "address"), counted(need.destinations, "destination"), allows, beyond);
  if (bound.name == "descriptors")
    return fmt::format("{} need as many descriptors; there are {}, so {} will wait for a free one", connections, allows,
                       beyond);
  if (bound.name == "open_files")
    return fmt::format(
        "{} need as many open files; the whole machine has {} left, so {} will wait, and other programs "
        "cannot open files either",
        connections, allows, beyond);
  if (bound.name == "epoll_watches")
    return fmt::format("{} need as many epoll watches; this user may have {}, so {} will fail", connections, allows,
                       beyond);
  if (bound.name == "conntrack")
    return fmt::format(
        "the firewall tracks connections and has room for {} of {}: packets of the other {} will be dropped "
        "and look like timeouts",
        allows, need.connections, beyond);
  if (bound.name == "memory")
    return fmt::format(
        "{} need more memory than there is ({}), which carries about {}: the kernel may kill the process", connections,
        bound.value, allows);
  return fmt::format("{} are more than {} allows ({})", connections, bound.name, allows);
}

}  // namespace

std::vector<std::string> foresee(const Report& report, const Need& need) {
  std::vector<std::string> lines;
  const auto tell = [&](std::string text, const std::string& command) {
    if (!command.empty()) text += "; " + command;
    lines.push_back(std::move(text));
  };
  for (const Finding& finding : report.findings) {
    if (need.descriptors_fit && finding.name == "descriptors") continue;
    if (finding.allows && *finding.allows < need.connections) {
      const Finding* const ceiling = finding.name == "descriptors" ? report.find("nr_open") : nullptr;
      const bool both = ceiling != nullptr && !ceiling->command.empty() && !finding.command.empty();
      tell(consequence(finding, need), both ? ceiling->command + " && " + finding.command : finding.command);
    } else if (finding.name == "ports" && finding.allows && finding.level == Level::kWarn) {
      tell(
          fmt::format("{} take more than half of the {} source ports to these destinations: beyond the half the kernel "
                      "searches long for each, and opening slows to some hundred a second",
                      counted(need.connections, "connection"), *finding.allows),
          finding.command);
    } else if (finding.name == "listen_backlog" && finding.level == Level::kWarn) {
      tell(fmt::format("a listener on this machine that does not accept holds fewer than {} ({}): further connections "
                       "will wait for it",
                       counted(need.connections, "connection"), finding.value),
           finding.command);
    } else if (finding.name == "io_uring" && need.engine == io::Engine::kUring && finding.level == Level::kWarn) {
      tell(fmt::format("io_uring cannot be used ({}): the run goes on with epoll", report.engine.why_not),
           finding.command);
    }
  }
  return lines;
}

}  // namespace sonde::doctor
