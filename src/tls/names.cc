#include "tls/names.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sonde::tls {
namespace {

using Name = std::pair<std::uint16_t, std::string_view>;

constexpr std::array kAlerts = std::to_array<Name>({
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

constexpr std::array kGroups = std::to_array<Name>({
    {0x0001, "sect163k1"},       {0x0003, "sect163r2"},
    {0x0006, "sect233k1"},       {0x0007, "sect233r1"},
    {0x0009, "sect283k1"},       {0x000a, "sect283r1"},
    {0x000b, "sect409k1"},       {0x000c, "sect409r1"},
    {0x000d, "sect571k1"},       {0x000e, "sect571r1"},
    {0x0010, "secp160r1"},       {0x0012, "secp192k1"},
    {0x0013, "secp192r1"},       {0x0014, "secp224k1"},
    {0x0015, "secp224r1"},       {0x0016, "secp256k1"},
    {0x0017, "secp256r1"},       {0x0018, "secp384r1"},
    {0x0019, "secp521r1"},       {0x001a, "brainpoolp256r1"},
    {0x001b, "brainpoolp384r1"}, {0x001c, "brainpoolp512r1"},
    {0x001d, "x25519"},          {0x001e, "x448"},
    {0x0100, "ffdhe2048"},       {0x0101, "ffdhe3072"},
    {0x0102, "ffdhe4096"},       {0x0103, "ffdhe6144"},
    {0x0104, "ffdhe8192"},       {0x11eb, "secp256r1mlkem768"},
    {0x11ec, "x25519mlkem768"},  {0x11ed, "secp384r1mlkem1024"},
});

constexpr std::array kVersions = std::to_array<Name>({
    {0x0300, "SSL3"},
    {0x0301, "TLS1.0"},
    {0x0302, "TLS1.1"},
    {0x0303, "TLS1.2"},
    {0x0304, "TLS1.3"},
});

// The tables are sorted by number.
std::string_view find(std::span<const Name> table, std::uint16_t number) {
  const auto found = std::ranges::lower_bound(table, number, {}, &Name::first);
  return found != table.end() && found->first == number ? found->second : std::string_view();
}

}  // namespace

std::string_view alert_name(std::uint8_t number) { return find(kAlerts, number); }
std::string_view group_name(std::uint16_t number) { return find(kGroups, number); }
std::string_view version_name(std::uint16_t number) { return find(kVersions, number); }

}  // namespace sonde::tls
