#include "x509/certificate.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "base/ip_address.h"
#include "x509/der.h"
#include "x509/distinguished_name.h"
#include "x509/openssl_handles.h"
#include "x509/scts.h"
#include "x509/unreadable_names.h"

namespace sonde::x509 {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    out += kHexDigits[static_cast<unsigned char>(byte) >> 4];
    out += kHexDigits[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

// The first thing that is wrong is what `error` says.
void note(Certificate& facts, std::string text) {
  if (facts.error.empty()) facts.error = std::move(text);
}

std::string oid_name(const ASN1_OBJECT* object) {
  std::array<char, 512> name{};
  OBJ_obj2txt(name.data(), static_cast<int>(name.size()), object, 0);
  return name.data();
}

std::string serial_text(const ASN1_INTEGER* serial) {
  const std::string digits = ASN1_STRING_length(serial) == 0 ? "00" : hex(octets_of(serial));
  return (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 ? "-" + digits : digits;
}

std::optional<std::int64_t> unix_time(const ASN1_TIME* time) {
  std::tm broken{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &broken) != 1) return std::nullopt;
  // timegm() would do, but for years that the C library is free to refuse.
  const std::chrono::sys_days day = std::chrono::year(broken.tm_year + 1900) /
                                    std::chrono::month(static_cast<unsigned>(broken.tm_mon + 1)) /
                                    std::chrono::day(static_cast<unsigned>(broken.tm_mday));
  const std::int64_t seconds = std::int64_t{day.time_since_epoch().count()} * 86'400 +
                               std::int64_t{broken.tm_hour} * 3'600 + std::int64_t{broken.tm_min} * 60 + broken.tm_sec;
  constexpr std::int64_t kYear0 = -62'167'219'200;
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (seconds < kYear0 || seconds >= kYear10000) return std::nullopt;
  return seconds;
}

std::string ip_text(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return "#" + hex(bytes);
  U128 bits = 0;
  for (const char byte : bytes) bits = (bits << 8) | static_cast<unsigned char>(byte);
  if (bytes.size() == 4) return to_string(IpAddress::v4(static_cast<std::uint32_t>(bits)));
  const IpAddress address = IpAddress::v6(bits);
  // A mapped address is not the IPv4 address here: RFC 6125 compares octets.
  return address.is_v4() ? "::ffff:" + to_string(address) : to_string(address);
}

void add_alt_names(Certificate& facts, const GENERAL_NAMES* names) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    switch (name->type) {
      case GEN_DNS:
        facts.alt_names.push_back({AltName::Kind::kDns, std::string(octets_of(name->d.dNSName))});
        break;
      case GEN_IPADD:
        facts.alt_names.push_back({AltName::Kind::kIp, ip_text(octets_of(name->d.iPAddress))});
        break;
      case GEN_EMAIL:
        facts.alt_names.push_back({AltName::Kind::kEmail, std::string(octets_of(name->d.rfc822Name))});
        break;
      case GEN_URI:
        facts.alt_names.push_back({AltName::Kind::kUri, std::string(octets_of(name->d.uniformResourceIdentifier))});
        break;
      default:  // directory names and the like name no host
        break;
    }
  }
}

void read_extensions(Certificate& facts, X509* certificate) {
  for (int at = -1; (at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, at)) >= 0;) {
    if (facts.has_alt_names) note(facts, "more than one subjectAltName");
    facts.has_alt_names = true;
    const AltNamesHandle names(static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(X509_get_ext(certificate, at))));
    if (names)
      add_alt_names(facts, names.get());
    else
      note(facts, "malformed subjectAltName");
  }
  if (const int at = X509_get_ext_by_NID(certificate, NID_ct_precert_scts, -1); at >= 0) {
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    const auto count = count_wrapped_scts(std::as_bytes(std::span(octets_of(value))));
    if (!count) note(facts, "malformed list of SCTs");
    facts.embedded_scts = count.value_or(0);
  }
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  facts.is_ca = (flags & EXFLAG_CA) != 0;
  if ((flags & EXFLAG_INVALID) != 0) note(facts, "invalid extension");
}

std::string ecdsa_key_type(const EVP_PKEY* key) {
  std::array<char, 80> group{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1) return "ecdsa-explicit";
  const std::string_view name(group.data(), length);
  if (name == SN_X9_62_prime256v1) return "ecdsa-p256";
  if (name == SN_secp384r1) return "ecdsa-p384";
  if (name == SN_secp521r1) return "ecdsa-p521";
  return "ecdsa-" + std::string(name);
}

void read_key(Certificate& facts, X509* certificate) {
  const X509_PUBKEY* holder = X509_get_X509_PUBKEY(certificate);
  const EVP_PKEY* key = X509_PUBKEY_get0(holder);
  switch (key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      facts.key_type = "rsa-" + std::to_string(EVP_PKEY_get_bits(key));
      return;
    case EVP_PKEY_RSA_PSS:
      facts.key_type = "rsa-pss-" + std::to_string(EVP_PKEY_get_bits(key));
      return;
    case EVP_PKEY_DSA:
      facts.key_type = "dsa-" + std::to_string(EVP_PKEY_get_bits(key));
      return;
    case EVP_PKEY_EC:
      facts.key_type = ecdsa_key_type(key);
      return;
    case EVP_PKEY_ED25519:
      facts.key_type = "ed25519";
      return;
    case EVP_PKEY_ED448:
      facts.key_type = "ed448";
      return;
    default:
      break;
  }
  ASN1_OBJECT* algorithm = nullptr;
  X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, holder);
  facts.key_type = oid_name(algorithm);
  if (key == nullptr) note(facts, "public key not readable: " + take_openssl_reason());
}

void read_certificate(Certificate& facts, X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const X509_NAME* issuer = X509_get_issuer_name(certificate);
  facts.subject_cn = common_name(subject);
  facts.subject_dn = dn_text(subject);
  facts.issuer_cn = common_name(issuer);
  facts.issuer_dn = dn_text(issuer);
  facts.serial = serial_text(X509_get0_serialNumber(certificate));
  facts.not_before = unix_time(X509_get0_notBefore(certificate));
  facts.not_after = unix_time(X509_get0_notAfter(certificate));
  if (!facts.not_before || !facts.not_after) note(facts, "malformed validity");
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, certificate);
  facts.signature_algorithm = oid_name(algorithm->algorithm);
  read_key(facts, certificate);
  read_extensions(facts, certificate);
  const auto is_wildcard = [](const AltName& name) {
    return name.kind == AltName::Kind::kDns && name.text.starts_with("*.");
  };
  facts.wildcard =
      facts.has_alt_names ? std::ranges::any_of(facts.alt_names, is_wildcard) : facts.subject_cn.starts_with("*.");
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  facts.self_signed = key != nullptr && X509_NAME_cmp(subject, issuer) == 0 && X509_verify(certificate, key) == 1;
}

void read_raw_names(Certificate& facts, const TbsFields& fields) {
  if (fields.issuer) {
    facts.issuer_cn = common_name(fields.issuer->content);
    facts.issuer_dn = dn_text(fields.issuer->content);
  }
  if (fields.subject) {
    facts.subject_cn = common_name(fields.subject->content);
    facts.subject_dn = dn_text(fields.subject->content);
  }
}

// As X509_verify, over the bytes that were really signed.
bool own_key_verifies(X509* certificate, std::span<const std::byte> tbs) {
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, certificate);
  const unsigned char* at = octets(tbs);
  const AnyHandle any(d2i_ASN1_TYPE(nullptr, &at, static_cast<long>(tbs.size())));
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  return any && key != nullptr && ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), algorithm, signature, any.get(), key) == 1;
}

// A certificate whose names alone keep libcrypto from reading it. False when something else does too.
bool read_despite_names(Certificate& facts, std::span<const std::byte> der) {
  const std::vector<std::byte> readable = with_readable_names(der);
  if (readable.empty()) return false;
  const unsigned char* at = octets(readable);
  const CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(readable.size())));
  const std::optional<TbsFields> fields = tbs_fields(der);
  if (!certificate || !fields || !fields->issuer || !fields->subject) return false;
  facts.error = "a name holds bytes that are no text";
  read_certificate(facts, certificate.get());
  read_raw_names(facts, *fields);
  if (!facts.has_alt_names) facts.wildcard = facts.subject_cn.starts_with("*.");
  facts.self_signed = std::ranges::equal(fields->issuer->content, fields->subject->content) &&
                      own_key_verifies(certificate.get(), fields->whole.whole);
  return true;
}

std::optional<std::int64_t> raw_time(DerReader& reader) {
  const auto element = reader.next();
  if (!element) return std::nullopt;
  const unsigned char* at = octets(element->whole);
  const TimeHandle time(d2i_ASN1_TIME(nullptr, &at, static_cast<long>(element->whole.size())));
  return unix_time(time.get());
}

// What the beginning of a certificate says that libcrypto refuses as a whole, say for a serial number with padding.
void salvage(Certificate& facts, std::span<const std::byte> der) {
  const std::optional<TbsFields> fields = tbs_fields(der);
  if (!fields) return;
  if (fields->serial) {
    const std::span<const std::byte> digits = fields->serial->content;
    if (!digits.empty() && static_cast<std::uint8_t>(digits[0]) < 0x80)  // of a negative one nobody knows the padding
      facts.serial = hex({reinterpret_cast<const char*>(digits.data()), digits.size()});
  }
  if (fields->validity) {
    DerReader times(fields->validity->content);
    facts.not_before = raw_time(times);
    facts.not_after = raw_time(times);
  }
  read_raw_names(facts, *fields);
}

}  // namespace

std::size_t Certificate::bytes() const {
  std::size_t sum = sizeof(*this) + error.capacity() + sha256.capacity() + subject_cn.capacity() +
                    subject_dn.capacity() + issuer_cn.capacity() + issuer_dn.capacity() + serial.capacity() +
                    key_type.capacity() + signature_algorithm.capacity() + not_before_text.capacity() +
                    not_after_text.capacity() + alt_names.capacity() * sizeof(AltName) + der.capacity();
  for (const AltName& name : alt_names) sum += name.text.capacity();
  return sum;
}

Certificate parse(std::span<const std::byte> der) {
  Certificate facts;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(octets(der), der.size(), digest.data());
  facts.sha256 = hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
  if (der.size() > kMaxCertificateBytes) {
    facts.error = "longer than " + std::to_string(kMaxCertificateBytes) + " bytes: not looked into";
    return facts;
  }
  ERR_clear_error();
  const unsigned char* at = octets(der);
  const CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const std::string reason = certificate ? std::string() : take_openssl_reason();
  if (certificate) {
    if (const auto rest = static_cast<std::size_t>(octets(der) + der.size() - at); rest > 0)
      note(facts, std::to_string(rest) + " bytes after the certificate");
    read_certificate(facts, certificate.get());
  } else if (!read_despite_names(facts, der)) {
    note(facts, "not a certificate: " + (der.empty() ? "no bytes" : reason));
    salvage(facts, der);
  }
  ERR_clear_error();
  if (facts.not_before) facts.not_before_text = rfc3339(*facts.not_before);
  if (facts.not_after) facts.not_after_text = rfc3339(*facts.not_after);
  return facts;
}

std::string rfc3339(std::int64_t unix_s) {
  const std::chrono::sys_seconds when{std::chrono::seconds(unix_s)};
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  std::string out;
  const auto add = [&out](std::int64_t number, std::size_t width, char behind) {
    const std::string digits = std::to_string(number);
    out.append(width > digits.size() ? width - digits.size() : 0, '0').append(digits).push_back(behind);
  };
  add(int{date.year()}, 4, '-');
  add(unsigned{date.month()}, 2, '-');
  add(unsigned{date.day()}, 2, 'T');
  add(time.hours().count(), 2, ':');
  add(time.minutes().count(), 2, ':');
  add(time.seconds().count(), 2, 'Z');
  return out;
}

std::string pem(std::span<const std::byte> der) {
  constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kLine = 48;  // bytes that make 64 characters
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < der.size(); at += 3) {
    const std::size_t take = std::min<std::size_t>(3, der.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = (group << 8) | (i < take ? static_cast<std::uint32_t>(der[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += i <= take ? kBase64[(group >> (18 - 6 * i)) & 63] : '=';
    if ((at + 3) % kLine == 0 || at + 3 >= der.size()) out += '\n';
  }
  return out + "-----END CERTIFICATE-----\n";
}

}  // namespace sonde::x509
