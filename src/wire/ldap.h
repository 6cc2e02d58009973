// The LDAPMessage that holds an ExtendedResponse (RFC 4511, 4.1.1 and 4.12), in BER of definite lengths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct LdapExtendedResponse {
  std::uint32_t message_id = 0;  // 0: an unsolicited notification
  std::uint32_t result_code = 0;
  std::string_view diagnostic;  // may be empty
};

// The name of a result code in RFC 4511, A.1; "an LDAP error" for one that has no name here.
std::string_view ldap_result_name(std::uint32_t code);

class LdapProcessor {
 public:
  using Frame = LdapExtendedResponse;
  static constexpr std::size_t kLimit = 8192;                   // bytes of a message
  static constexpr std::size_t min_frame_size() { return 14; }  // 30 0c 02 01 01 78 07 0a 01 00 04 00 04 00
  ParseResult<LdapExtendedResponse> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
