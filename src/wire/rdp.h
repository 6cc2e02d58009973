// RDP's X.224 Connection Confirm in its TPKT (RFC 1006; MS-RDPBCGR, 2.2.1.2): the answer to a Connection Request, with
// the security protocol that was agreed on, or why none was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct RdpConfirm {
  enum class Answer : std::uint8_t { kNone, kSelected, kFailure };
  Answer answer = Answer::kNone;  // none: a server that knows standard security only
  std::uint32_t number = 0;       // the protocol selected, or the failure's code
};

// "standard", "tls", "credssp", "rdstls", "credssp_ex", "aad"; of a failure what it is, "tls_required"…
std::string_view rdp_security_name(const RdpConfirm& confirm);

class RdpProcessor {
 public:
  using Frame = RdpConfirm;
  static constexpr std::size_t kLimit = 64;
  static constexpr std::size_t min_frame_size() { return 11; }
  ParseResult<RdpConfirm> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
