// Where encoded records go. One thread (the writer's).
#pragma once

#include <span>
#include <string>

#include "base/error.h"

namespace sonde::sinks {

class Sink {
 public:
  virtual ~Sink() = default;
  // Writes all pieces, in order; each ends with a whole record. An error is final: nothing more should be written.
  virtual Result<> write(std::span<const std::string> pieces) = 0;
  // What was written survives a crash of the machine (where the sink can promise that).
  virtual Result<> sync() = 0;
};

}  // namespace sonde::sinks
