// A tally as the message that pages and scripts read (proto/sonde/v1/scan_report.proto).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/report_tally.h"

namespace sonde::v1 {
class ScanReport;
}

namespace sonde::report {

struct BrokenLine {
  std::string source;
  std::uint64_t line = 0;  // from 1
  std::string error;
};

// Where the records came from, of files.
struct Sources {
  static constexpr std::size_t kMostNames = 100;
  static constexpr std::size_t kMostBroken = 10;
  std::vector<std::string> names;
  std::uint64_t lines_invalid = 0;
  std::vector<BrokenLine> first_invalid;  // at most kMostBroken
};

// Overwrites what the tally tells; leaves the fields of sources and of the running scan alone.
void fill(const ReportTally& tally, v1::ScanReport& report);

// The protobuf JSON mapping with the names of the .proto file; one line. Where the JSON would end an HTML script
// element, or JavaScript a line, it is escaped: safe within <script type="application/json">.
std::string report_json(const ReportTally& tally, const Sources& sources, std::int64_t made_us);

}  // namespace sonde::report
