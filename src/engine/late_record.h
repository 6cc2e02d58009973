// A record that waits for fields which another thread still works on: a copy of all that it borrows, with the promise
// of the rest. Owned by the shard, in a queue; its thread. Must not outlive the shard state of its module.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/probe.h"
#include "results/record.h"

namespace sonde::engine {

class LateRecord {
 public:
  // Moves the values out of `values`, whose entries are valid but unspecified then.
  LateRecord(const results::Record& record, std::span<results::Value> values, std::uint64_t position,
             std::unique_ptr<LateFields> fields)
      : record_(record),
        host_(record.host),
        error_(record.error),
        values_(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end())),
        position_(position),
        fields_(std::move(fields)) {}

  bool ready() { return fields_->ready(); }
  void fill() { fields_->fill(values_); }  // REQUIRES: ready()
  // It is not waited for any longer: the fields stay absent.
  void cancel(const char* error) {
    record_.outcome = results::Outcome::kCancelled;
    record_.cause = results::Cause::kNone;
    error_ = error;
  }
  // Valid until this is moved or changed.
  const results::Record& record() {
    record_.host = host_;
    record_.error = error_;
    record_.values = values_;
    return record_;
  }
  std::uint64_t position() const { return position_; }

 private:
  results::Record record_;
  std::string host_;
  std::string error_;
  std::vector<results::Value> values_;
  std::uint64_t position_;
  std::unique_ptr<LateFields> fields_;
};

}  // namespace sonde::engine
