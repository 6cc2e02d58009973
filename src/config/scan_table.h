// The options of `sonde scan`, one table: long name, short name, help, how a text becomes a field of ScanOptions and
// back. Flags, YAML keys, --help and --print-config all come from it; options that probe modules declare are added to
// it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "scan/scan_options.h"

namespace sonde::config {

struct OptionSpec {
  enum class Kind : unsigned char {
    kOne,   // one value; given twice, the last one counts
    kMany,  // repeats, and takes comma lists; the command line replaces what a file has
    kFlag,  // --name, in a file `name: true`
  };
  std::string name;
  char letter = 0;  // short name; 0: none
  Kind kind = Kind::kOne;
  std::string metavar;
  std::string group;
  std::string help;
  std::string unset;  // what --help shows as the default where get() gives nothing
  std::function<Parsed<>(scan::ScanOptions&, std::string_view)> set;
  std::function<void(scan::ScanOptions&)> clear;                          // kMany
  std::function<std::vector<std::string>(const scan::ScanOptions&)> get;  // canonical texts; none: unset
};

// The table in the order of --help. Errors of set() say the value and what would be right, without the option's name.
const std::vector<OptionSpec>& scan_table();
const OptionSpec* find_option(std::string_view name);
std::vector<std::string_view> option_names();

// An entry of a --help: `head`, and beside it (below it, where that is long) the words of `text`, wrapped at 100
// columns; each line of `text` begins anew.
void append_help_entry(std::string& out, std::string_view head, std::string_view text);

// The text of `sonde scan --help`.
std::string scan_help();

// What must hold between options, after files and flags: targets are there, a stream is not resumed, …
Parsed<> check(const scan::ScanOptions& options);

}  // namespace sonde::config
