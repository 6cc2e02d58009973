// Names of DNS (RFC 1035, 3.1 and 4.1.4): as values in wire form without compression, and how they are read out of a
// message, written as text and compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace sonde::wire {

class DnsName {
 public:
  static constexpr std::size_t kLongest = 255;  // bytes, the root's length byte counted in
  static constexpr std::size_t kLongestLabel = 63;

  DnsName() = default;  // the root

  // "a.example" and "a.example." are one name; "." is the root. \. \\ and \DDD stand for bytes that text cannot show
  // (RFC 1035, 5.1). Nothing where a label is empty or too long, or the whole is.
  static std::optional<DnsName> from_text(std::string_view text);
  // 4.3.2.1.in-addr.arpa (RFC 1035, 3.5), or 32 nibbles under ip6.arpa (RFC 3596, 2.5).
  static DnsName reverse(const IpAddress& address);

  // Lengths and labels, ending with the root's zero.
  std::span<const std::byte> wire() const { return std::span(bytes_).first(size_); }
  bool is_root() const { return size_ == 1; }

  // The absolute form with its last dot; what text cannot hold, or means something in a master file, escaped as RFC
  // 4343 (2.1) has it. At most 1,004 characters.
  std::string text() const;
  void append_text(std::string& out) const;

  // ASCII letters of either case are the same (RFC 4343).
  friend bool operator==(const DnsName& a, const DnsName& b);

 private:
  friend std::size_t read_dns_name(std::span<const std::byte> message, std::size_t at, std::size_t end, DnsName& out);
  bool append(std::span<const std::byte> label);  // false: too long

  std::uint8_t size_ = 1;
  std::array<std::byte, kLongest> bytes_{};
};

// Reads the name at `at` of a message, of which the part that is there in place must end by `end`; follows compression
// pointers, which may only lead towards the front, at most kMostDnsJumps of them. Gives where the name ends in place;
// 0, and `out` of no meaning, when it is broken.
inline constexpr int kMostDnsJumps = 128;
std::size_t read_dns_name(std::span<const std::byte> message, std::size_t at, std::size_t end, DnsName& out);

}  // namespace sonde::wire
