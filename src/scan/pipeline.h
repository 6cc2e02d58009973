// `sonde scan`, from options to exit code: targets → pacing → engine → probes → results → sinks.
#pragma once

#include <functional>
#include <memory>

#include "results/encoder.h"
#include "scan/observer.h"
#include "scan/scan_options.h"

namespace sonde::scan {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;        // output could not be written, no descriptors at all
inline constexpr int kExitBadInput = 2;      // before anything is sent
inline constexpr int kExitStoppedEarly = 3;  // by a signal or a limit, everything found so far written
inline constexpr int kExitKilled = 130;      // by a second SIGINT

// Puts another encoder in place of the one that the options chose, or around it.
using ReplaceEncoder = std::function<std::unique_ptr<results::Encoder>(std::unique_ptr<results::Encoder> chosen)>;

// Runs the scan in this process; errors and progress go to standard error. Installs handlers for SIGINT and SIGTERM.
// observer: null is none.
int run(const ScanOptions& options, const ReplaceEncoder& replace_encoder = {}, Observer* observer = nullptr);

}  // namespace sonde::scan
