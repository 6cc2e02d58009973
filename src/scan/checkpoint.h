// A crash-safe checkpoint: what a scan was asked for, and how far its records in the output reach. One line of JSON and
// a line with its CRC, replaced by rename. Written only after the records before it are in the file, so a resume misses
// nothing; what ended after the last checkpoint is probed a second time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sonde::scan {

struct Checkpoint {
  static constexpr int kVersion = 1;

  // what the scan was asked for; must be the same on a resume
  std::uint64_t digest = 0;  // of the targets and ports
  std::uint64_t seed = 0;
  std::string order;
  std::uint32_t shard = 1;
  std::uint32_t shards = 1;
  std::vector<std::string> probe;
  std::vector<std::string> exclude;   // as stated; a resume may state more
  std::vector<std::string> excluded;  // as the index space was built: with what excluded names resolved to

  // how far it came
  std::uint64_t cursor = 0;            // positions below it were taken
  std::vector<std::uint64_t> pending;  // of those, ascending: not in the output yet
};

std::string encode(const Checkpoint& checkpoint);
// `where` (the file's name) opens the error.
Parsed<Checkpoint> decode(std::string_view text, const std::string& where);

}  // namespace sonde::scan
