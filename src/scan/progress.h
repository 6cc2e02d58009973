// How far the scan is, for a person (a live bar), for a log (a line every 10 s) or for a program (one JSON object a
// second), on standard error. Called by the coordinating thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/number_text.h"
#include "base/time.h"
#include "scan/scan_options.h"

namespace sonde::scan {

// A moment of the scan. Counts are of this run, but for done, which a resume starts where the checkpoint was.
struct Tally {
  Nanos elapsed = 0;
  std::uint64_t done = 0;              // (address, port) pairs
  std::optional<std::uint64_t> total;  // of the shard; unknown for a stream
  std::uint64_t attempts = 0;          // connections started
  std::uint64_t in_flight = 0;
  std::uint64_t successes = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t local_faults = 0;
};

class Progress {
 public:
  // style kAuto is resolved here by `terminal`.
  Progress(ProgressStyle style, bool terminal);

  // Shows the moment when one is due.
  void update(const Tally& tally);
  // The end state: the last line.
  void finish(const Tally& tally);

  double rate_peak() const { return rate_peak_; }

  // The texts, apart from where and when they are shown.
  static std::string json_line(const Tally& tally, double rate_now);
  static std::string text_line(const Tally& tally, double rate_now);
  static std::string bar_line(const Tally& tally, double rate_now, std::size_t columns);

 private:
  enum class Form : std::uint8_t { kNone, kBar, kLine, kJson };
  void show(const Tally& tally);

  Form form_;
  Nanos next_ = 0;
  Nanos next_sample_ = kSecond;
  Tally sample_;  // what rate_now is measured from
  double rate_now_ = 0;
  double rate_peak_ = 0;
};

}  // namespace sonde::scan
