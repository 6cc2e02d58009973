// The first message of an LDAP server (RFC 4511, 4): the rootDSE as a SearchResultEntry, a result, or the notice that
// it disconnects. Of the entry the two attributes that name the server (RFC 3045).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct LdapAnswer {
  std::string_view vendor;   // vendorName; may be empty
  std::string_view version;  // vendorVersion; may be empty
};

class LdapAnswerProcessor {
 public:
  using Frame = LdapAnswer;
  static constexpr std::size_t kLimit = 8192;                  // bytes of a message
  static constexpr std::size_t min_frame_size() { return 7; }  // 30 05 02 01 01 64 00
  ParseResult<LdapAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
