// What a PostgreSQL server answers to an SSLRequest (PostgreSQL documentation, "SSL Session Encryption" in the chapter
// on the frontend/backend protocol): one byte, 'S' or 'N', or an ErrorResponse from a server that is older or in
// trouble.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct PostgresAnswer {
  char type = 0;             // 'S', 'N', 'E'
  std::string_view message;  // of 'E'; may be empty
};

class PostgresAnswerProcessor {
 public:
  using Frame = PostgresAnswer;
  static constexpr std::size_t kLimit = 8192;
  static constexpr std::size_t min_frame_size() { return 1; }
  ParseResult<PostgresAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
