// IPv4 and IPv6 addresses and endpoints as values. IPv4 is held as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that
// ::ffff:10.0.0.1 and 10.0.0.1 are one address everywhere (exclusions included).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/mix.h"

namespace sonde {

__extension__ using U128 = unsigned __int128;

inline constexpr U128 kV4Mapped = U128{0xffff} << 32;  // ::ffff:0:0

class IpAddress {
 public:
  constexpr IpAddress() = default;  // ::, "no address known"
  static constexpr IpAddress v4(std::uint32_t host_order) { return IpAddress(kV4Mapped | host_order); }
  static constexpr IpAddress v6(U128 host_order) { return IpAddress(host_order); }

  constexpr bool is_v4() const { return hi_ == 0 && (lo_ >> 32) == 0xffff; }
  constexpr bool is_unspecified() const { return hi_ == 0 && lo_ == 0; }
  constexpr std::uint32_t v4_bits() const { return static_cast<std::uint32_t>(lo_); }  // REQUIRES: is_v4()
  constexpr U128 bits() const { return (U128{hi_} << 64) | lo_; }

  // The /24 (IPv4) or /48 (IPv6) that the address is in, as a key for limits.
  constexpr std::uint64_t prefix_key() const { return is_v4() ? (lo_ >> 8) : (hi_ >> 16) | (std::uint64_t{1} << 63); }
  constexpr std::uint64_t hash() const { return mix64(hi_, lo_); }

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  explicit constexpr IpAddress(U128 bits)
      : hi_(static_cast<std::uint64_t>(bits >> 64)), lo_(static_cast<std::uint64_t>(bits)) {}
  std::uint64_t hi_ = 0;
  std::uint64_t lo_ = 0;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// Strict: four decimal octets without leading zeros for IPv4, RFC 4291 text for IPv6 without zone or brackets.
std::optional<IpAddress> parse_ip(std::string_view text);

// RFC 5952 text for IPv6, dotted decimal for IPv4 (mapped ones too). At most 45 characters are appended/written.
std::string to_string(const IpAddress& address);
char* write_ip(const IpAddress& address, char* out);  // returns the end; REQUIRES: 46 bytes at out
std::string to_string(const Endpoint& endpoint);      // 1.2.3.4:80, [::1]:80

// Decimal text of a port, no padding; returns the end. REQUIRES: 5 bytes at out.
char* write_port(std::uint16_t port, char* out);

}  // namespace sonde
