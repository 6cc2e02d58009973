// Lifts those limits of a report that are sysctls. Only raises, never lowers; goes on after a value that is refused.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "doctor/report.h"

namespace sonde::doctor {

struct FixOptions {
  std::string root = "/";  // where proc/sys lies; tests have their own
  bool persist = false;    // write what was changed to persist_file as well
  std::string persist_file = "/etc/sysctl.d/90-sonde.conf";
};

struct Change {
  std::string key;
  std::string before;
  std::string after;             // as the kernel keeps it, which may be less than what was asked for
  std::optional<Error> refused;  // then nothing was changed
  bool done() const { return !refused; }
};

struct Fixed {
  std::vector<Change> changes;     // what was raised or refused; empty: nothing needs raising
  std::string persisted;           // the file that was written; empty: none
  std::optional<Error> unwritten;  // that file could not be
  bool all_done() const;
};

// A persisted file keeps the lines that it has for other keys, so that fixes of several days add up.
Fixed fix(const Report& report, const FixOptions& options);

// "net.core.somaxconn: 4096 → 65535", a line each.
std::string render(const Fixed& fixed, const FixOptions& options);

}  // namespace sonde::doctor
