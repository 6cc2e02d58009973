#include "wire/tls_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/ascii.h"

namespace sonde::wire {
namespace {

constexpr auto kVersions = std::to_array<TlsName>(
    {{kSsl3, "SSL3"}, {kTls10, "TLS1.0"}, {kTls11, "TLS1.1"}, {kTls12, "TLS1.2"}, {kTls13, "TLS1.3"}});

// The registry "TLS Supported Groups", and the Kyber draft that came before ML-KEM.
constexpr auto kGroups = std::to_array<TlsName>({
    {1, "sect163k1"},
    {2, "sect163r1"},
    {3, "sect163r2"},
    {4, "sect193r1"},
    {5, "sect193r2"},
    {6, "sect233k1"},
    {7, "sect233r1"},
    {8, "sect239k1"},
    {9, "sect283k1"},
    {10, "sect283r1"},
    {11, "sect409k1"},
    {12, "sect409r1"},
    {13, "sect571k1"},
    {14, "sect571r1"},
    {15, "secp160k1"},
    {16, "secp160r1"},
    {17, "secp160r2"},
    {18, "secp192k1"},
    {19, "secp192r1"},
    {20, "secp224k1"},
    {21, "secp224r1"},
    {22, "secp256k1"},
    {23, "secp256r1"},
    {24, "secp384r1"},
    {25, "secp521r1"},
    {26, "brainpoolp256r1"},
    {27, "brainpoolp384r1"},
    {28, "brainpoolp512r1"},
    {29, "x25519"},
    {30, "x448"},
    {31, "brainpoolp256r1tls13"},
    {32, "brainpoolp384r1tls13"},
    {33, "brainpoolp512r1tls13"},
    {41, "curvesm2"},
    {256, "ffdhe2048"},
    {257, "ffdhe3072"},
    {258, "ffdhe4096"},
    {259, "ffdhe6144"},
    {260, "ffdhe8192"},
    {512, "mlkem512"},
    {513, "mlkem768"},
    {514, "mlkem1024"},
    {4587, "secp256r1mlkem768"},
    {4588, "x25519mlkem768"},
    {4589, "secp384r1mlkem1024"},
    {25497, "x25519kyber768draft00"},
});
static_assert(std::ranges::is_sorted(kGroups, {}, &TlsName::number));

// The registry "TLS Alerts", with the names of SSL 3.0 and TLS 1.0 that it has dropped.
constexpr auto kAlerts = std::to_array<TlsName>({
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
});
static_assert(std::ranges::is_sorted(kAlerts, {}, &TlsName::number));

std::string_view find(std::span<const TlsName> table, std::uint16_t number) {
  const auto found = std::ranges::lower_bound(table, number, {}, &TlsName::number);
  return found != table.end() && found->number == number ? found->name : std::string_view();
}

std::string name_or_number(std::span<const TlsName> table, std::uint16_t number) {
  const std::string_view name = find(table, number);
  return name.empty() ? fmt::format("0x{:04x}", number) : std::string(name);
}

}  // namespace

std::string_view tls_version_name(std::uint16_t version) { return find(kVersions, version); }

std::optional<std::uint16_t> parse_tls_version(std::string_view text) {
  for (const TlsName& version : kVersions) {
    std::string_view short_name = version.name;
    if (short_name.starts_with("TLS")) short_name.remove_prefix(3);
    if (equal_fold(text, version.name) || text == short_name) return version.number;
  }
  return std::nullopt;
}

std::string_view known_tls_cipher(std::uint16_t cipher) { return find(tls_ciphers(), cipher); }
std::string tls_cipher_name(std::uint16_t cipher) { return name_or_number(tls_ciphers(), cipher); }
std::string tls_group_name(std::uint16_t group) { return name_or_number(kGroups, group); }
std::string tls_alert_name(std::uint8_t alert) {
  const std::string_view name = find(kAlerts, alert);
  return name.empty() ? fmt::format("alert_{}", alert) : std::string(name);
}

std::span<const TlsName> tls_groups() { return kGroups; }

}  // namespace sonde::wire
