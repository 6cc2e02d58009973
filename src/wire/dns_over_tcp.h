// A DNS answer behind its length, as over TCP (RFC 1035, 4.1 and 4.2.2), to the question for version.bind in class
// CHAOS: the header, and the text if there is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

// The id of the question: an answer repeats it, which tells it from other bytes.
inline constexpr std::uint16_t kDnsOverTcpId = 0xd5e9;

struct DnsVersionAnswer {
  std::uint8_t code = 0;     // RCODE
  std::string_view version;  // the first string of the first TXT record; may be empty
};

class DnsOverTcpProcessor {
 public:
  using Frame = DnsVersionAnswer;
  static constexpr std::size_t kLimit = 2048;
  static constexpr std::size_t min_frame_size() { return 2 + 12; }
  ParseResult<DnsVersionAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
