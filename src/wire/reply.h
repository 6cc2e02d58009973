// The numbered reply that SMTP (RFC 5321, 4.2) and FTP (RFC 959, 4.2) share: "220 text", or several lines "220-text" …
// "220 text".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct Reply {
  std::uint16_t code = 0;
  std::string_view text;  // all lines as they came, the last end left out
};

class ReplyProcessor {
 public:
  using Frame = Reply;
  static constexpr std::size_t kLimit = 8192;                  // bytes of a whole reply
  static constexpr std::size_t min_frame_size() { return 1; }  // an error needs no more
  ParseResult<Reply> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
