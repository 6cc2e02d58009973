// Who sees a scan while it runs, beside its output. Nothing is observed unless somebody asks: then a record costs one
// call.
#pragma once

#include "results/record.h"
#include "results/schema.h"
#include "scan/progress.h"

namespace sonde::scan {

// Of one shard, on its thread.
class RecordObserver {
 public:
  virtual ~RecordObserver() = default;
  // The record of each probe that counts as finished, whether it is written or not.
  virtual void see(const results::Record& record) = 0;
  // Behind each turn of the shard's loop, and once more with `last` when it has ended.
  virtual void turn(bool last) = 0;
};

// Of the whole scan, on the coordinating thread. Outlives it.
class Observer {
 public:
  virtual ~Observer() = default;
  // Once for each shard, before any runs; what it gives outlives the scan, as the schema does.
  virtual RecordObserver& add_shard(const results::Schema& schema) = 0;
  virtual void update(const Tally& tally) = 0;  // every few milliseconds
  // All shards have ended and said their last turn. Also where the output failed.
  virtual void finish(const Tally& tally, bool interrupted) = 0;
};

}  // namespace sonde::scan
