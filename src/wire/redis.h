// RESP2, the protocol of Redis: "+simple", "-error", ":integer", "$bulk", "*array". One value a frame, nested at most
// kDepth deep. https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct RedisValue {
  char type = 0;          // + - : $ *
  std::string_view text;  // the line behind the type of + - :, the bytes of $, the elements as they came of *
};

class RedisProcessor {
 public:
  using Frame = RedisValue;
  static constexpr std::size_t kLimit = 65536;  // bytes of a value
  static constexpr int kDepth = 8;
  static constexpr std::size_t min_frame_size() { return 1; }
  ParseResult<RedisValue> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
