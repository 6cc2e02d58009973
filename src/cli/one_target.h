// What `sonde tls` and `sonde http` share: a scan of one target whose record becomes a page to read, or one line of
// JSON.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "engine/probe.h"
#include "results/record.h"
#include "scan/scan_options.h"

namespace sonde::cli {

// How the one record is told.
struct Telling {
  std::function<std::string(const results::Record&)> page;
  std::function<bool(const results::Record&)> is_good;  // of the exit code: 0, else 1
};

struct OneTarget {
  std::string_view name;                                                    // of the command
  std::string_view probe;                                                   // the module
  std::string_view wanted;                                                  // what to say where no target is named
  std::string_view many;                                                    // and where several are
  std::string_view ports;                                                   // --help of the default port
  std::span<const engine::OptionDef> options;                               // the module's
  std::span<const std::pair<std::string_view, std::string_view>> defaults;  // where they differ from the scan's
  std::vector<std::pair<Token, std::string>> own;                           // further options, with their help
  std::string_view intro;                                                   // of --help, down to the options
  std::string_view outro;                                                   // and behind them
  // Looks at the options together, once they are set, and may change them. The error is the whole line.
  std::function<Parsed<Telling>(const CommandLine&, scan::ScanOptions&)> prepare;
};

int run_one_target(const OneTarget& command, std::span<const std::string> arguments);

// By https://no-color.org, and not where a terminal cannot do it.
bool wants_colour();

}  // namespace sonde::cli
