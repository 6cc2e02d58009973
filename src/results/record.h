// The one typed record that every probe ends in, and the schema of its fields. A Record borrows (host, error, values):
// it is made, encoded and forgotten within one turn of a shard's loop.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "results/outcome.h"

namespace sonde::results {

enum class FieldType : std::uint8_t { kString, kInteger, kBoolean, kStringList, kJson };

// One field: the dotted path in the record ("banner.text"), its type, one line of help for docs and --help. A path that
// several modules declare is the same field in all of them.
struct FieldDef {
  const char* path;
  FieldType type;
  const char* help;
  bool csv_default = false;  // in the default set of csv and table
  // What its values are, as a JSON Schema (2020-12), where the type does not say it all; null: any value of the type,
  // integers from 0 on. Of kJson always there.
  const char* json_schema = nullptr;
};

// A value with a structure of its own (a list of objects), as the JSON text that stands in the record.
struct Json {
  std::string text;
  bool operator==(const Json&) const = default;
};

// monostate: the field is absent from this record. Strings are valid UTF-8 without control characters (see escape.h).
using Value = std::variant<std::monostate, std::int64_t, bool, std::string, std::vector<std::string>, Json>;

inline constexpr std::int32_t kNoTiming = -1;

// What the kernel knew of the connection when the probe ended.
struct TcpFacts {
  std::uint32_t rtt_us = 0;       // smoothed; 0: unknown, for nothing was acknowledged
  std::uint32_t retransmits = 0;  // segments sent again, SYNs too
};

struct Record {
  Nanos unix_time = 0;     // when the probe ended
  IpAddress ip;            // unspecified: none (a name that was never resolved)
  std::uint16_t port = 0;  // 0: none
  std::string_view host;   // empty: none
  std::string_view probe;
  Outcome outcome = Outcome::kSuccess;
  Phase phase = Phase::kDone;
  std::uint32_t attempts = 1;
  std::string_view error;
  Cause cause = Cause::kNone;
  // Microseconds by Phase, kNoTiming where the phase did not happen; [kDone] is the total.
  std::array<std::int32_t, kPhaseNames.size()> timing_us{};
  std::optional<TcpFacts> tcp;       // none: not asked for
  std::span<const Value> values;     // of the module that made the record, in the order of its fields()
  std::uint32_t first_value_id = 0;  // where that module's fields start in the Schema
  std::uint64_t position = 0;        // the target's, as its source gave it; not told
};

}  // namespace sonde::results
