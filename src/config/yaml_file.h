// A configuration file in YAML, and the effective configuration printed in the same form.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "scan/scan_options.h"

namespace sonde::config {

// Applies `text` (of file `name`) to options. Keys are long option names, and `targets`. Errors: "scan.yaml:7: …".
Parsed<> apply_yaml(std::string_view text, const std::string& name, scan::ScanOptions& options);
Parsed<> apply_yaml_file(const std::string& path, scan::ScanOptions& options);

// What apply_yaml gives the same options from.
std::string print_yaml(const scan::ScanOptions& options);

}  // namespace sonde::config
