// What carries a probe's bytes.
#pragma once

#include <cstdint>

#include "base/ip_address.h"

namespace sonde {

enum class Transport : std::uint8_t {
  kTcp,
  kUdp,   // each message is one datagram, in both directions
  kPing,  // ICMP echo (RFC 792, RFC 4443): messages from the type on, with their checksum; the endpoint's port is 0
  kNone,  // nothing is opened: it is only asked which address a name has
};

// An ICMP error about a datagram that was sent: its type and code (RFC 792, RFC 4443 3), and the host or router that
// says so; unspecified: unknown.
struct IcmpError {
  IpAddress from;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
};

}  // namespace sonde
