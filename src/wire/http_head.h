// The head of an HTTP/1 answer (RFC 9112, 4): status line and header lines up to the empty line, as far as naming a
// server needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct HttpHead {
  std::uint16_t status = 0;
  std::string_view reason;
  std::string_view server;  // the Server header's value; may be empty
  std::string_view text;    // all of the head, its empty line left out
};

class HttpHeadProcessor {
 public:
  using Frame = HttpHead;
  static constexpr std::size_t kLimit = 16384;
  static constexpr std::size_t min_frame_size() { return 1; }
  ParseResult<HttpHead> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
