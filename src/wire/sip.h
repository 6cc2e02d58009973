// The head of a SIP answer (RFC 3261, 7.2): "SIP/2.0 200 OK", header lines, an empty line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct SipHead {
  std::uint16_t status = 0;
  std::string_view server;  // Server, or else User-Agent; may be empty
};

class SipProcessor {
 public:
  using Frame = SipHead;
  static constexpr std::size_t kLimit = 8192;
  static constexpr std::size_t min_frame_size() { return 13; }  // "SIP/2.0 200\n\n"
  ParseResult<SipHead> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
