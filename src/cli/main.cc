// sonde: the commands, and how one is chosen.
#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "base/nearest.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/demo.h"
#include "cli/doctor.h"
#include "cli/hold.h"
#include "cli/http.h"
#include "cli/report.h"
#include "cli/scan.h"
#include "cli/schema.h"
#include "cli/tls.h"
#include "cli/watch.h"
#include "cli/world.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

int print_version(std::span<const std::string> arguments) {
  const Parsed<CommandLine> line = tokenize({}, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print("Usage: sonde version\n\nPrints the version.\n");
  if (!line->positionals.empty())
    return complain(
        fmt::format("version: {} is too much: it takes no arguments", targets::quoted(line->positionals[0])));
  return print(fmt::format("sonde {}\n", kVersion));
}

struct Command {
  std::string_view name;
  std::string_view help;
  int (*run)(std::span<const std::string> arguments);
};

constexpr auto kCommands = std::to_array<Command>({
    {"scan", "probe many targets once", run_scan},
    {"report", "one page of what a scan's records say, or its counts as JSON", run_report},
    {"tls", "one target, everything about its TLS, for a person to read", run_tls},
    {"http", "one target, a request with its waterfall, for a person to read", run_http},
    {"watch", "the health-check gateway: scheduled checks, /probe, /metrics, an API", run_watch},
    {"hold", "open N connections, keep them, report what they cost", run_hold},
    {"world",
     "a population of targets on loopback: open, closed, silent, slow, broken; which is which follows from the seed",
     run_world},
    {"demo", "the main job end to end in under a minute: a world, a scan of it, a summary to read", run_demo},
    {"doctor", "what this machine can carry, what limits it, and the exact command that lifts each limit", run_doctor},
    {"schema", "the fields of a record, as a page or as a JSON Schema", run_schema},
    {"version", "print the version", print_version},
});

std::string help() {
  std::string text =
      "Usage: sonde COMMAND [OPTION …]\n\nProbes networks, with very many connections in flight on one machine.\n\n";
  for (const Command& command : kCommands) text += fmt::format("  {:<9} {}\n", command.name, command.help);
  return text + "\n`sonde COMMAND --help` tells its options.\n";
}

int run(std::vector<std::string> arguments) {
  // `sonde help scan` is `sonde scan --help`.
  if (arguments.size() > 1 && arguments.front() == "help") arguments = {arguments[1], "--help"};
  if (arguments.empty()) {
    fmt::print(stderr, "{}", help());
    return kExitBadUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    return print(help());
  }
  if (name == "--version") return print_version({});
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(std::span(arguments).subspan(1));
    names.push_back(command.name);
  }
  return complain(
      fmt::format("{} is not a command{}", targets::quoted(name),
                  nearest(name, names).empty() ? "; `sonde --help` lists them" : did_you_mean(name, names)));
}

}  // namespace
}  // namespace sonde::cli

int main(int argc, char** argv) { return sonde::cli::run({argv + 1, argv + argc}); }
