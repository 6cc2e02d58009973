// A record in the making as facts: the same that a reader of its line would find. Of one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "report/record_facts.h"
#include "results/record.h"
#include "results/schema.h"

namespace sonde::report {

class FactsOfRecord {
 public:
  explicit FactsOfRecord(const results::Schema& schema);
  // The facts' texts are valid as long as the record's, and until the next call.
  void read(const results::Record& record, RecordFacts& facts);

 private:
  void read_value(std::uint32_t id, const results::Value& value, RecordFacts& facts);

  std::vector<std::uint8_t> counted_;  // by field id: which fact it is
};

}  // namespace sonde::report
