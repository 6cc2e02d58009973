#include "cli/doctor.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "cli/command.h"
#include "config/values.h"
#include "doctor/fix.h"
#include "doctor/machine.h"
#include "doctor/render.h"
#include "doctor/report.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde doctor [OPTION …]\n\n"
    "Tells how many TCP connections this machine carries at once, what limits it, and the exact command that lifts\n"
    "each limit. Changes nothing without --fix.\n\n"
    "      --connections N     judge for so many, and raise the limits to what they need [what the memory carries, at\n"
    "                          most 1M]\n"
    "      --destinations N    they go to so many pairs of address and port [many]\n"
    "      --sources N         from so many addresses of this machine [1]\n"
    "      --loopback          the targets are on this machine too\n"
    "      --engine NAME       auto, epoll, uring [auto]\n"
    "      --format NAME       text, json [text]\n"
    "      --fix               raise the sysctls that limit, as root; never lowers one, lasts until the next restart\n"
    "      --persist           with --fix: write them to /etc/sysctl.d/90-sonde.conf as well\n\n"
    "Exit codes: 0 done, 1 --fix could not raise a value, 2 bad usage.\n";

constexpr unsigned kWidthElsewhere = 100;  // where standard output is not a terminal
constexpr std::uint64_t kMostCounted = 1'000'000'000;

struct DoctorOptions {
  doctor::Need need;
  bool json = false;
  bool fix = false;
  doctor::FixOptions fixing;
};

Parsed<> choose(const std::string& value, std::initializer_list<std::string_view> names, std::size_t& out) {
  const auto found = std::find(names.begin(), names.end(), value);
  out = static_cast<std::size_t>(found - names.begin());
  if (found != names.end()) return {};
  return input_error(fmt::format("{} is not one of {}", targets::quoted(value), fmt::join(names, ", ")));
}

Parsed<> set(const std::string& name, const std::string& value, DoctorOptions& options) {
  const auto count = [&](std::uint64_t& out) -> Parsed<> {
    const Parsed<std::uint64_t> parsed = config::parse_count(value, 1, kMostCounted);
    if (!parsed) return std::unexpected(parsed.error());
    out = *parsed;
    return {};
  };
  const auto flag = [&](bool& out) -> Parsed<> {
    const Parsed<bool> parsed = config::parse_boolean(value);
    if (!parsed) return std::unexpected(parsed.error());
    out = *parsed;
    return {};
  };
  std::size_t index = 0;
  if (name == "connections") return count(options.need.connections);
  if (name == "destinations") return count(options.need.destinations);
  if (name == "sources") return count(options.need.sources);
  if (name == "loopback") return flag(options.need.loopback);
  if (name == "fix") return flag(options.fix);
  if (name == "persist") return flag(options.fixing.persist);
  if (name == "engine") {
    Parsed<> chosen = choose(value, {"auto", "epoll", "uring"}, index);
    if (chosen) options.need.engine = static_cast<io::Engine>(index);
    return chosen;
  }
  Parsed<> chosen = choose(value, {"text", "json"}, index);
  options.json = index == 1;
  return chosen;
}

doctor::TextStyle style_of_output() {
  if (isatty(STDOUT_FILENO) == 0) return {.colour = false, .width = kWidthElsewhere};
  const char* no_colour = getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  winsize size{};
  const bool sized = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return {.colour = no_colour == nullptr || *no_colour == '\0', .width = sized ? size.ws_col : 80U};
}

int diagnose(const DoctorOptions& options) {
  doctor::Report report = doctor::examine(doctor::read_machine(), options.need);
  doctor::Fixed fixed;
  std::string text;
  if (options.fix) {
    fixed = doctor::fix(report, options.fixing);
    if (!fixed.changes.empty()) report = doctor::examine(doctor::read_machine(), options.need);
    text = doctor::render(fixed, options.fixing) + "\n";
  }
  const int printed = options.json ? print(doctor::render_json(report, options.fix ? &fixed : nullptr))
                                   : print(text + doctor::render_text(report, options.need, style_of_output()));
  return printed != 0 || fixed.all_done() ? printed : 1;
}

}  // namespace

int run_doctor(std::span<const std::string> arguments) {
  const std::vector<Token> tokens = {{.name = "connections"},
                                     {.name = "destinations"},
                                     {.name = "sources"},
                                     {.name = "loopback", .takes_value = false},
                                     {.name = "engine"},
                                     {.name = "format"},
                                     {.name = "fix", .takes_value = false},
                                     {.name = "persist", .takes_value = false}};
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain("doctor: " + line.error().text);
  if (line->has("help")) return print(kHelp);
  if (!line->positionals.empty())
    return complain(
        fmt::format("doctor: {} is too much: it takes options only", targets::quoted(line->positionals.front())));
  DoctorOptions options;
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, options); !done)
      return complain(fmt::format("doctor: --{}: {}", given.name, done.error().text));
  if (options.fixing.persist && !options.fix)
    return complain("doctor: --persist needs --fix: it keeps what --fix raises");
  if (options.fix && geteuid() != 0) {
    complain("doctor: --fix writes /proc/sys, which only root may: sudo sonde doctor --fix");
    return 1;
  }
  std::signal(SIGPIPE, SIG_IGN);
  return diagnose(options);
}

}  // namespace sonde::cli
