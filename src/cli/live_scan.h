// `sonde scan --live`: the scan with a web page that shows it as it runs.
#pragma once

#include "scan/scan_options.h"

namespace sonde::cli {

// As scan::run, with the page at options.live, which is not empty.
int run_live(const scan::ScanOptions& options);

}  // namespace sonde::cli
