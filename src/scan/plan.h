// A scan as it will run: options checked, targets counted, probes configured, checkpoint read. Everything that can be
// wrong with what the user gave is found here, before anything is sent or any file is touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/shard.h"
#include "results/encoder.h"
#include "results/schema.h"
#include "scan/checkpoint.h"
#include "scan/scan_options.h"
#include "targets/exclusion.h"
#include "targets/target_set.h"
#include "targets/target_source.h"

namespace sonde::scan {

struct Plan {
  std::vector<std::unique_ptr<engine::ProbeModule>> modules;
  std::vector<engine::PassModule> pass;
  results::Schema schema;
  std::unique_ptr<results::Encoder> encoder;
  std::unique_ptr<targets::Exclusion> exclusion;  // the command line's, with what its names resolve to
  std::unique_ptr<targets::TargetSet> set;        // null for a stream
  std::unique_ptr<targets::TargetSource> source;
  Checkpoint identity;        // what a checkpoint of this scan says it is; cursor and pending as resumed
  std::uint64_t resumed = 0;  // pairs that were done before this run
  bool is_resume = false;
  bool limited = false;    // --max-targets ends it before its targets do
  bool has_names = false;  // a target may be a name: a resolver is needed
  std::vector<std::string> warnings;
};

Parsed<Plan> make_plan(const ScanOptions& options);

}  // namespace sonde::scan
