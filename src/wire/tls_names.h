// The numbers of TLS and their names, as the contract writes them. Static tables; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sonde::wire {

struct TlsName {
  std::uint16_t number;
  std::string_view name;
};

// Wire numbers of versions (RFC 8446, 4.2.1 and its ancestors).
inline constexpr std::uint16_t kSsl3 = 0x0300;
inline constexpr std::uint16_t kTls10 = 0x0301;
inline constexpr std::uint16_t kTls11 = 0x0302;
inline constexpr std::uint16_t kTls12 = 0x0303;
inline constexpr std::uint16_t kTls13 = 0x0304;

// RFC 8446, 4.2.7; RFC 8422, 5.1.1; draft-kwiatkowski-tls-ecdhe-mlkem.
inline constexpr std::uint16_t kSecp256r1 = 23;
inline constexpr std::uint16_t kSecp384r1 = 24;
inline constexpr std::uint16_t kSecp521r1 = 25;
inline constexpr std::uint16_t kX25519 = 29;
inline constexpr std::uint16_t kX25519MlKem768 = 4588;

// "TLS1.3"; "" for a number that is no version of SSL or TLS.
std::string_view tls_version_name(std::uint16_t version);
// The contract's names and what users of other tools write: "TLS1.2", "tls1.2", "1.2", "SSL3", "ssl3".
std::optional<std::uint16_t> parse_tls_version(std::string_view text);

// "" for what the registry does not know.
std::string_view known_tls_cipher(std::uint16_t cipher);
// The IANA name; "0x1a2b" for what the registry does not know.
std::string tls_cipher_name(std::uint16_t cipher);
// The IANA name in lower case: "x25519", "secp256r1", "x25519mlkem768"; "0x1a2b" for the unknown.
std::string tls_group_name(std::uint16_t group);
// RFC 8446, 6 with the names of older versions: "handshake_failure"; "alert_123" for the unknown.
std::string tls_alert_name(std::uint8_t alert);

// All cipher suites of the registry, ascending; signalling values included.
std::span<const TlsName> tls_ciphers();
// The groups that enumeration asks for.
std::span<const TlsName> tls_groups();

// Whether a suite is one of TLS 1.3 (it says nothing of key exchange or signature).
constexpr bool is_tls13_cipher(std::uint16_t cipher) { return cipher >> 8 == 0x13 || cipher == 0xc6 || cipher == 0xc7; }
// A signalling value (RFC 5746, RFC 7507), a suite that no server can choose.
constexpr bool is_tls_signal(std::uint16_t cipher) { return cipher == 0x00ff || cipher == 0x5600; }

}  // namespace sonde::wire
