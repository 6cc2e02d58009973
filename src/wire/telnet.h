// Telnet's negotiation (RFC 854): IAC, then WILL, WONT, DO or DONT, then an option. One command a frame; what the
// server says to a person comes behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/frame.h"

namespace sonde::wire {

struct TelnetCommand {
  std::uint8_t verb = 0;  // 251 WILL, 252 WONT, 253 DO, 254 DONT
  std::uint8_t option = 0;
};

class TelnetProcessor {
 public:
  using Frame = TelnetCommand;
  static constexpr std::size_t min_frame_size() { return 3; }

  ParseResult<TelnetCommand> parse(std::span<const std::byte> bytes) const {
    using Result = ParseResult<TelnetCommand>;
    constexpr unsigned kIac = 255;
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    if ((!bytes.empty() && at(0) != kIac) || (bytes.size() > 1 && (at(1) < 251 || at(1) > 254)))
      return Result::fail("not a telnet negotiation");
    if (bytes.size() < min_frame_size()) return Result::more(min_frame_size() - bytes.size());
    return Result::got({.verb = static_cast<std::uint8_t>(at(1)), .option = static_cast<std::uint8_t>(at(2))},
                       min_frame_size());
  }
};

}  // namespace sonde::wire
