// Numbers of DNS and their names (IANA, "Domain Name System (DNS) Parameters"), both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sonde::wire {

namespace dns_type {
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kNs = 2;
inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kSoa = 6;
inline constexpr std::uint16_t kPtr = 12;
inline constexpr std::uint16_t kMx = 15;
inline constexpr std::uint16_t kTxt = 16;
inline constexpr std::uint16_t kAaaa = 28;
inline constexpr std::uint16_t kSrv = 33;
inline constexpr std::uint16_t kDname = 39;
inline constexpr std::uint16_t kOpt = 41;
inline constexpr std::uint16_t kDs = 43;
inline constexpr std::uint16_t kDnskey = 48;
inline constexpr std::uint16_t kSvcb = 64;
inline constexpr std::uint16_t kHttps = 65;
inline constexpr std::uint16_t kSpf = 99;
inline constexpr std::uint16_t kAny = 255;
inline constexpr std::uint16_t kCaa = 257;
}  // namespace dns_type

namespace dns_class {
inline constexpr std::uint16_t kIn = 1;
inline constexpr std::uint16_t kChaos = 3;
}  // namespace dns_class

namespace dns_rcode {
inline constexpr std::uint16_t kNoError = 0;
inline constexpr std::uint16_t kServFail = 2;
inline constexpr std::uint16_t kNxDomain = 3;
inline constexpr std::uint16_t kRefused = 5;
}  // namespace dns_rcode

// "A", "ANY"; "TYPE65280" where there is no name (RFC 3597, 5). "IN", "CLASS5". "NXDOMAIN", "RCODE24".
std::string dns_type_name(std::uint16_t type);
std::string dns_class_name(std::uint16_t klass);
std::string dns_rcode_name(std::uint16_t rcode);

// The numbers of such texts, in letters of either case; nothing for what is none.
std::optional<std::uint16_t> parse_dns_type(std::string_view text);
std::optional<std::uint16_t> parse_dns_class(std::string_view text);
std::optional<std::uint16_t> parse_dns_rcode(std::string_view text);

}  // namespace sonde::wire
