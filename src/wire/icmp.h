// ICMP echo (RFC 792; RFC 4443, 4): requests are written, replies read, and what ICMP errors mean in words. A message
// is whole or it is none: it came as one datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sonde::wire {

inline constexpr std::size_t kIcmpEchoHeader = 8;  // type, code, checksum, identifier, sequence number

// RFC 1071: of `bytes` with their checksum field zero, what belongs there; with it in place, 0 where it is right.
std::uint16_t internet_checksum(std::span<const std::byte> bytes);

// Writes the header of an echo request before its payload, which stands behind kIcmpEchoHeader already. With its
// checksum; of ICMPv6 that is 0, for it covers addresses that only the kernel knows (RFC 4443, 2.3), which makes it.
// REQUIRES: message.size() >= kIcmpEchoHeader.
void write_echo_request(bool v4, std::uint16_t identifier, std::uint16_t sequence, std::span<std::byte> message);

struct EchoReply {
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
  std::span<const std::byte> payload;
};

// Nothing for what is no echo reply, or of ICMP one whose checksum is wrong (of ICMPv6 the kernel has looked at it).
std::optional<EchoReply> parse_echo_reply(bool v4, std::span<const std::byte> message);

// "host unreachable", "filtered by a firewall"; "an ICMP error" for what has no name here.
const char* icmp_error_text(bool v4, std::uint8_t type, std::uint8_t code);

}  // namespace sonde::wire
