// The lines with which memcached answers: "VERSION 1.6.18" to `version`, "ERROR" to what it does not know
// (doc/protocol.txt of memcached).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct MemcachedAnswer {
  std::string_view version;  // of "ERROR" empty
};

class MemcachedProcessor {
 public:
  using Frame = MemcachedAnswer;
  static constexpr std::size_t kLimit = 128;                   // bytes of a line
  static constexpr std::size_t min_frame_size() { return 7; }  // "ERROR\r\n"
  ParseResult<MemcachedAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
