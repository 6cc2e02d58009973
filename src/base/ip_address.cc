#include "base/ip_address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

namespace sonde {
namespace {

// "0" … "255" with their lengths, so that an octet costs a table look-up and a 4-byte copy.
struct OctetText {
  std::array<char, 4> text{};  // the digits and a '.'
  std::uint8_t length = 0;     // digits only
};

constexpr std::array<OctetText, 256> make_octets() {
  std::array<OctetText, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    OctetText& octet = table[value];
    if (value >= 100) octet.text[octet.length++] = static_cast<char>('0' + value / 100);
    if (value >= 10) octet.text[octet.length++] = static_cast<char>('0' + value / 10 % 10);
    octet.text[octet.length++] = static_cast<char>('0' + value % 10);
    octet.text[octet.length] = '.';
  }
  return table;
}
constexpr std::array<OctetText, 256> kOctets = make_octets();

std::optional<IpAddress> parse_v4(std::string_view text) {
  std::uint32_t bits = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    std::size_t digits = 0;
    unsigned value = 0;
    while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9')
      value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text.front() == '0')) return std::nullopt;
    bits = bits << 8 | value;
    text.remove_prefix(digits);
  }
  if (!text.empty()) return std::nullopt;
  return IpAddress::v4(bits);
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return parse_v4(text);
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated.data(), text.data(), text.size());
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, terminated.data(), bytes.data()) != 1) return std::nullopt;
  U128 bits = 0;
  for (std::uint8_t byte : bytes) bits = bits << 8 | byte;
  return IpAddress::v6(bits);
}

char* write_ip(const IpAddress& address, char* out) {
  if (address.is_v4()) {
    const std::uint32_t bits = address.v4_bits();
    for (int shift = 24; shift >= 0; shift -= 8) {
      const OctetText& octet = kOctets[bits >> shift & 0xff];
      std::memcpy(out, octet.text.data(), 4);
      out += octet.length + 1;
    }
    return out - 1;
  }
  std::array<std::uint8_t, 16> bytes{};
  U128 bits = address.bits();
  for (std::size_t i = bytes.size(); i-- > 0; bits >>= 8) bytes[i] = static_cast<std::uint8_t>(bits);
  inet_ntop(AF_INET6, bytes.data(), out, INET6_ADDRSTRLEN);
  return out + std::strlen(out);
}

char* write_port(std::uint16_t port, char* out) { return std::to_chars(out, out + 5, port).ptr; }

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return {text.data(), write_ip(address, text.data())};
}

std::string to_string(const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  return endpoint.address.is_v4() ? to_string(endpoint.address) + ":" + port
                                  : "[" + to_string(endpoint.address) + "]:" + port;
}

}  // namespace sonde
