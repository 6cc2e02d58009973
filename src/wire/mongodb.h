// A MongoDB server's answer to hello or isMaster, in OP_REPLY or OP_MSG (MongoDB manual, "Wire Protocol").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

// The requestID of the question: an answer repeats it, which tells it from other bytes.
inline constexpr std::uint32_t kMongoRequestId = 0x5de0abe1;

struct MongoAnswer {
  std::int32_t max_wire_version = -1;  // -1: not told
  std::string_view version;            // the server's, where it tells it; a hello does not
};

// The release that a maxWireVersion came with, "7.0"; "" where it is none's.
std::string_view mongo_release(std::int32_t max_wire_version);

class MongoProcessor {
 public:
  using Frame = MongoAnswer;
  static constexpr std::size_t kLimit = 16384;                          // bytes of the message
  static constexpr std::size_t min_frame_size() { return 16 + 5 + 5; }  // OP_MSG with an empty document
  ParseResult<MongoAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
