#include "wire/icmp.h"

#include <array>

#include "base/check.h"

namespace sonde::wire {
namespace {

constexpr std::byte kEchoReplyV4{0};
constexpr std::byte kEchoRequestV4{8};
constexpr std::byte kEchoRequestV6{128};
constexpr std::byte kEchoReplyV6{129};
constexpr const char* kUnnamed = "an ICMP error";

std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                    std::to_integer<unsigned>(bytes[at + 1]));
}

void put_u16(std::span<std::byte> bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value & 0xff);
}

// Destination unreachable, by code: RFC 792; RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1.
constexpr auto kUnreachableV4 = std::to_array<const char*>({
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "too long for the way, and not to be fragmented",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network prohibited",
    "host prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "filtered by a firewall",
    "host precedence violation",
    "precedence cut off",
});

// The same of ICMPv6: RFC 4443, 3.1.
constexpr auto kUnreachableV6 = std::to_array<const char*>({
    "no route",
    "filtered by a firewall",
    "beyond the scope of the source address",
    "host unreachable",
    "port unreachable",
    "filtered by a firewall, for its source address",
    "route rejected",
});

template <std::size_t kSize>
const char* by_code(const std::array<const char*, kSize>& texts, std::uint8_t code) {
  return code < kSize ? texts[code] : kUnnamed;
}

const char* exceeded(std::uint8_t code) {
  return code == 0 ? "its hop limit ran out on the way" : "fragments of it were not put together in time";
}

}  // namespace

std::uint16_t internet_checksum(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += u16(bytes, i);
  if (i < bytes.size()) sum += std::to_integer<unsigned>(bytes[i]) << 8;
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(~sum);
}

void write_echo_request(bool v4, std::uint16_t identifier, std::uint16_t sequence, std::span<std::byte> message) {
  SONDE_CHECK(message.size() >= kIcmpEchoHeader, "no room for a header");
  message[0] = v4 ? kEchoRequestV4 : kEchoRequestV6;
  message[1] = std::byte{0};
  put_u16(message, 2, 0);
  put_u16(message, 4, identifier);
  put_u16(message, 6, sequence);
  if (v4) put_u16(message, 2, internet_checksum(message));
}

std::optional<EchoReply> parse_echo_reply(bool v4, std::span<const std::byte> message) {
  if (message.size() < kIcmpEchoHeader || message[0] != (v4 ? kEchoReplyV4 : kEchoReplyV6) ||
      message[1] != std::byte{0} || (v4 && internet_checksum(message) != 0))
    return std::nullopt;
  return EchoReply{
      .identifier = u16(message, 4), .sequence = u16(message, 6), .payload = message.subspan(kIcmpEchoHeader)};
}

const char* icmp_error_text(bool v4, std::uint8_t type, std::uint8_t code) {
  if (v4) {
    switch (type) {
      case 3:
        return by_code(kUnreachableV4, code);
      case 11:
        return exceeded(code);
      case 12:
        return "a router found a fault in its header";
      default:
        return kUnnamed;
    }
  }
  switch (type) {
    case 1:
      return by_code(kUnreachableV6, code);
    case 2:
      return "too long for the way";
    case 3:
      return exceeded(code);
    case 4:
      return "a router found a fault in its header";
    default:
      return kUnnamed;
  }
}

}  // namespace sonde::wire
