// A record's line (ndjson) as facts. What is not known is passed over, what has another type than it should counts as
// absent: records of newer versions are fine. Of one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "report/record_facts.h"

namespace sonde::report {

// The `server` of the JSON text of an answer's headers; empty: none, or no such JSON. Valid until the next call on the
// thread.
std::string_view server_of_headers(std::string_view json);

// The numbers of names; kUnknown… (0 of a cause) where nothing has that name.
std::uint8_t outcome_of(std::string_view name);
std::uint8_t phase_of(std::string_view name);
std::uint8_t cause_of(std::string_view name);

class RecordReader {
 public:
  static const std::size_t kPadding;  // bytes behind a line that must be readable

  RecordReader();
  ~RecordReader();
  // Null, or what is wrong with the line (a literal). The facts' texts are valid until the next call.
  // REQUIRES: kPadding bytes behind the line may be read.
  const char* read(std::string_view line, RecordFacts& facts);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace sonde::report
