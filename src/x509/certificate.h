// The facts of one certificate as plain values. Any thread; nothing is shared, nothing refers to the DER. Everything a
// peer wrote may be hostile, so two kinds of text are kept apart:
//  - DNs are RFC 4514 strings and safe to print as they are: valid UTF-8, control characters as \0A (C1: \C2\85). The
//    consumer must not escape them again.
//  - subject_cn, issuer_cn and AltName::text are the peer's bytes (as UTF-8 where their ASN.1 type says how), with NUL,
//    newlines and all. The consumer escapes them (results::append_escaped) wherever they are shown.
// Bounds: a certificate of more than kMaxCertificateBytes is not looked into; every fact is at most a small multiple
// of the DER.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sonde::x509 {

inline constexpr std::size_t kMaxCertificateBytes = 65'536;
inline constexpr std::size_t kMaxListedAltNames = 1'000;  // that a record shows; matching sees all

struct AltName {
  enum class Kind : std::uint8_t { kDns, kIp, kEmail, kUri };
  Kind kind = Kind::kDns;
  // kIp: RFC 5952 or dotted text (IPv4-mapped IPv6 stays ::ffff:1.2.3.4); of other than 4 or 16 bytes '#' and hex.
  std::string text;
  friend bool operator==(const AltName&, const AltName&) = default;
};

struct Certificate {
  std::string error;  // what is wrong with the DER; empty: nothing. The facts that could be read are there all the same
  std::string sha256;      // of the bytes, lower-case hex; always there
  std::string subject_cn;  // the last (most specific) common name
  std::string subject_dn;
  std::string issuer_cn;
  std::string issuer_dn;
  std::string serial;                      // lower-case hex: `00` for zero, leading `-`; empty: not readable
  std::optional<std::int64_t> not_before;  // seconds since 1970; absent when malformed
  std::optional<std::int64_t> not_after;
  std::string not_before_text;  // the same as rfc3339() gives them; empty when absent
  std::string not_after_text;
  std::vector<AltName> alt_names;   // all DNS names, addresses, e-mail addresses and URIs, in order
  std::string key_type;             // rsa-2048, ecdsa-p256, ed25519 …, else the name of the algorithm
  std::string signature_algorithm;  // OpenSSL's long name, or the OID
  bool has_alt_names = false;       // the extension is there, readable or not
  bool self_signed = false;         // issuer and subject are the same and its own key verifies it
  bool wildcard = false;            // a DNS name, or without alternative names the CN, begins with `*.`
  bool is_ca = false;               // basicConstraints say so
  std::uint32_t embedded_scts = 0;
  std::vector<std::byte> der;  // only when the inspector keeps it (--pem)

  std::span<const AltName> listed_alt_names() const {
    return std::span(alt_names).first(std::min(alt_names.size(), kMaxListedAltNames));
  }
  // Heap and own bytes, about: what a cache counts.
  std::size_t bytes() const;
};

// Never fails; garbage gives `error` and `sha256`.
Certificate parse(std::span<const std::byte> der);

// 2026-11-22T21:00:00Z. REQUIRES: the year is in 0 … 9999, as that of every date from parse() is.
std::string rfc3339(std::int64_t unix_s);

// PEM text (RFC 7468) with its two lines of boundary, ended by a newline.
std::string pem(std::span<const std::byte> der);

}  // namespace sonde::x509
