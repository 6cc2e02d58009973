// Files of records, counted into a tally. Of one thread; memory does not grow with the file.
#pragma once

#include <string>

#include "base/error.h"
#include "report/report_message.h"
#include "report/report_tally.h"

namespace sonde::report {

// A file that cannot be opened, or is of another kind than ndjson, is an InputError; one that could not be read to its
// end an Error.
struct ReadFailure {
  bool is_input = false;  // what the user gave is wrong
  std::string text;       // the whole line
};

// Reads `path` ("-": standard input) to its end. Broken lines are counted in `sources` and passed over, so are empty
// ones without being counted.
std::expected<void, ReadFailure> count_file(const std::string& path, ReportTally& tally, Sources& sources);

}  // namespace sonde::report
