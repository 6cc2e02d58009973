// The fields of a run: those that every record has, then those of each probe of the pass, each with an id. Built once,
// then read by all shards.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "results/record.h"

namespace sonde::results {

// ids of the common fields
enum class Common : std::uint8_t {
  kTs,
  kIp,
  kPort,
  kHost,
  kProbe,
  kOutcome,
  kPhase,
  kAttempts,
  kError,
  kCause,
  kTimingDns,
  kTimingConnect,
  kTimingTls,
  kTimingWrite,
  kTimingFirstByte,
  kTimingRead,
  kTimingTotal,
  kTcpRtt,
  kTcpRetransmits,
  kCount,
};

std::span<const FieldDef> common_fields();

class Schema {
 public:
  Schema();
  // Appends a module's fields and gives the id of the first.
  std::uint32_t add(std::span<const FieldDef> fields);
  std::span<const FieldDef> fields() const { return fields_; }

  // The ids of `paths` in their order; a path that names a group ("timing_us") stands for all fields below it. Empty:
  // all. An unknown one: InputError with the nearest.
  Parsed<std::vector<std::uint32_t>> select(std::span<const std::string> paths) const;
  std::vector<std::uint32_t> csv_default() const;

 private:
  std::vector<FieldDef> fields_;
};

}  // namespace sonde::results
