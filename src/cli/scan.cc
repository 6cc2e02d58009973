#include "cli/scan.h"

#include "cli/command.h"
#include "cli/live_scan.h"
#include "config/scan_table.h"
#include "config/yaml_file.h"
#include "os/machine.h"
#include "scan/pipeline.h"

namespace sonde::cli {
namespace {

using config::OptionSpec;

std::vector<Token> tokens() {
  std::vector<Token> tokens = {{.name = "config"}, {.name = "print-config", .takes_value = false}};
  for (const OptionSpec& spec : config::scan_table()) {
    std::string alias;  // what other scanners call it
    if (spec.name == "exclude-file") alias = "excludefile";
    if (spec.name == "rate") alias = "max-rate";
    tokens.push_back({.name = spec.name,
                      .letter = spec.letter,
                      .takes_value = spec.kind != OptionSpec::Kind::kFlag,
                      .alias = alias});
  }
  return tokens;
}

// The command line over what a file has set: its lists replace the file's, and so do its targets. Exclusions alone add
// up: nobody who excludes one network more wants to lose those that a file keeps.
Parsed<> apply(const CommandLine& line, scan::ScanOptions& options) {
  for (const OptionSpec& spec : config::scan_table())
    if (spec.kind == OptionSpec::Kind::kMany && line.has(spec.name) && !spec.name.starts_with("exclude"))
      spec.clear(options);
  for (const Given& given : line.options) {
    const OptionSpec* spec = config::find_option(given.name);
    if (spec == nullptr) continue;  // config, print-config, help
    if (const Parsed<> set = spec->set(options, given.value); !set)
      return input_error("--" + given.name + ": " + set.error().text);
  }
  if (!line.positionals.empty()) options.targets = line.positionals;
  return {};
}

}  // namespace

int run_scan(std::span<const std::string> arguments) {
  const Parsed<CommandLine> line = tokenize(tokens(), arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(config::scan_help());
  scan::ScanOptions options;
  if (const std::string* file = line->find("config"))
    if (const Parsed<> applied = config::apply_yaml_file(*file, options); !applied)
      return complain(applied.error().text);
  if (const Parsed<> applied = apply(*line, options); !applied) return complain(applied.error().text);
  if (const Parsed<> checked = config::check(options); !checked) return complain(checked.error().text);
  if (line->has("print-config")) {
    if (!options.seed && options.resume.empty()) options.seed = os::random_seed();
    return print(config::print_yaml(options));
  }
  return options.live.empty() ? scan::run(options) : run_live(options);
}

}  // namespace sonde::cli
