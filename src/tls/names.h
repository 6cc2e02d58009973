// The names that the RFCs give to numbers on the wire. Literals, for ever valid; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace sonde::tls {

// RFC 8446, 6 and its forerunners: "handshake_failure"; "alert_N" is not made here: an unknown number gives "".
std::string_view alert_name(std::uint8_t number);

// IANA's TLS Supported Groups, in lower case: "x25519", "secp256r1"; an unknown number gives "".
std::string_view group_name(std::uint16_t number);

// 0x0300 → "SSL3", 0x0301 → "TLS1.0" … 0x0304 → "TLS1.3"; else "".
std::string_view version_name(std::uint16_t number);

}  // namespace sonde::tls
