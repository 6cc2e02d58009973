#include "probes/tls/tls_fields.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>

#include "results/escape.h"
#include "wire/tls_names.h"
#include "x509/host_match.h"

namespace sonde::probes {
namespace {

using results::escaped;
using results::FieldDef;
using results::FieldType;
using results::Value;
using Json = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr const char* kVersionSchema = R"({"enum":["SSL3","TLS1.0","TLS1.1","TLS1.2","TLS1.3"]})";
constexpr const char* kAgreedSchema = R"({"enum":["accepted","rejected","not_offered"]})";
constexpr const char* kHashSchema = R"({"type":"string","pattern":"^[0-9a-f]{64}$"})";

constexpr auto kFields = std::to_array<FieldDef>({
    {"tls.engine", FieldType::kString, "lean or full: how the handshake was made", false,
     R"({"enum":["lean","full"]})"},
    {"tls.version", FieldType::kString, "SSL3, TLS1.0, TLS1.1, TLS1.2 or TLS1.3", true, kVersionSchema},
    {"tls.cipher", FieldType::kString, "the cipher suite, by its IANA name", true},
    {"tls.group", FieldType::kString, "the group of the key exchange, by its IANA name in lower case"},
    {"tls.sni", FieldType::kString, "the server name that was asked for"},
    {"tls.alpn", FieldType::kString, "the application protocol that the server chose", true},
    {"tls.hello_retry", FieldType::kBoolean, "the server asked for another ClientHello"},
    {"tls.ja3s", FieldType::kString, "the JA3S fingerprint of the ServerHello", false,
     R"({"type":"string","pattern":"^[0-9a-f]{32}$"})"},
    {"tls.jarm", FieldType::kString, "the JARM fingerprint, with --jarm", false,
     R"({"type":"string","pattern":"^[0-9a-f]{62}$"})"},
    {"tls.client_cert_requested", FieldType::kBoolean, "the server asked for a certificate of the client"},
    {"tls.ocsp_stapled", FieldType::kBoolean, "an OCSP response came with the certificate"},
    {"tls.scts", FieldType::kInteger,
     "signed certificate timestamps: embedded, in the handshake, in the OCSP response"},
    {"tls.certificate.subject_cn", FieldType::kString, "the subject's common name", true},
    {"tls.certificate.subject_dn", FieldType::kString, "the subject, as an RFC 4514 string"},
    {"tls.certificate.issuer_cn", FieldType::kString, "the issuer's common name", true},
    {"tls.certificate.issuer_dn", FieldType::kString, "the issuer, as an RFC 4514 string"},
    {"tls.certificate.serial", FieldType::kString, "the serial number, lower-case hex"},
    {"tls.certificate.not_before", FieldType::kString, "valid from, RFC 3339"},
    {"tls.certificate.not_after", FieldType::kString, "valid until, RFC 3339", true},
    {"tls.certificate.san", FieldType::kStringList, "the subject's alternative names: DNS, IP, e-mail, URI"},
    {"tls.certificate.key_type", FieldType::kString, "rsa-2048, ecdsa-p256, ed25519 …"},
    {"tls.certificate.signature_algorithm", FieldType::kString, "how the issuer signed it"},
    {"tls.certificate.sha256", FieldType::kString, "the fingerprint, lower-case hex", false, kHashSchema},
    {"tls.certificate.self_signed", FieldType::kBoolean, "its own key signed it"},
    {"tls.certificate.expired", FieldType::kBoolean, "past not_after"},
    {"tls.certificate.not_yet_valid", FieldType::kBoolean, "before not_before"},
    {"tls.certificate.host_matches", FieldType::kBoolean, "it is for the name or address that was asked for"},
    {"tls.certificate.wildcard", FieldType::kBoolean, "one of its names begins with *."},
    {"tls.certificate.error", FieldType::kString, "what is wrong with its encoding"},
    {"tls.chain", FieldType::kJson, "what was sent behind the leaf, in that order", false,
     R"({"type":"array","items":{"type":"object","properties":{"subject_cn":{"type":"string"},"issuer_cn":{"type":"string"},
     "sha256":{"$ref":"#/properties/tls/properties/certificate/properties/sha256"},"not_after":{"type":"string"},
     "error":{"type":"string"}},"required":["subject_cn","issuer_cn","sha256"],"additionalProperties":false}})"},
    {"tls.verified", FieldType::kBoolean, "a browser would accept it; with --verify"},
    {"tls.verify_error", FieldType::kString, "why it would not"},
    {"tls.versions", FieldType::kStringList, "the versions that the server supports; with --enumerate versions", false,
     R"({"type":"array","items":{"$ref":"#/properties/tls/properties/version"},"uniqueItems":true})"},
    {"tls.ciphers", FieldType::kJson, "its cipher suites by version; with --enumerate ciphers", false,
     R"({"type":"object","propertyNames":{"$ref":"#/properties/tls/properties/version"},
     "additionalProperties":{"type":"array","items":{"type":"string"},"uniqueItems":true}})"},
    {"tls.groups", FieldType::kStringList, "its groups; with --enumerate groups"},
    {"tls.enumeration_incomplete", FieldType::kBoolean,
     "true when the server stopped answering or the time was up: it may support more than the lists say"},
    {"tls.resumption.tickets", FieldType::kInteger, "session tickets that the server gave; with --resumption"},
    {"tls.resumption.psk", FieldType::kString, "accepted, rejected or not_offered: resumption", false, kAgreedSchema},
    {"tls.resumption.early_data", FieldType::kString, "accepted, rejected or not_offered: 0-RTT", false, kAgreedSchema},
    {"tls.resumption.alpn_kept", FieldType::kBoolean, "the same application protocol when resumed"},
    {"tls.resumption.timing_us.full.tls", FieldType::kInteger, "microseconds of the full handshake"},
    {"tls.resumption.timing_us.full.first_byte", FieldType::kInteger, "from its end to the answer's first byte"},
    {"tls.resumption.timing_us.full.total", FieldType::kInteger, "from the SYN to the answer's first byte"},
    {"tls.resumption.timing_us.psk.tls", FieldType::kInteger, "the same, resumed"},
    {"tls.resumption.timing_us.psk.first_byte", FieldType::kInteger, "the same, resumed"},
    {"tls.resumption.timing_us.psk.total", FieldType::kInteger, "the same, resumed"},
    {"tls.resumption.timing_us.early_data.tls", FieldType::kInteger, "the same, with the request in 0-RTT"},
    {"tls.resumption.timing_us.early_data.first_byte", FieldType::kInteger, "the same, with the request in 0-RTT"},
    {"tls.resumption.timing_us.early_data.total", FieldType::kInteger, "the same, with the request in 0-RTT"},
    {"tls.alert", FieldType::kString, "the alert with which the server ended the handshake"},
    {"tls.pem", FieldType::kStringList, "the certificates, leaf first; with --pem"},
});
static_assert(kFields.size() == static_cast<std::size_t>(TlsField::kCount));

void put(Json& json, std::string_view key, std::string_view text) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void set_text(std::span<Value> values, TlsField id, std::string_view text) {
  if (!text.empty()) field(values, id) = std::string(text);
}

void fill_leaf(const x509::Certificate& leaf, const CertificateView& view, std::span<Value> values) {
  set_text(values, TlsField::kCertificateError, leaf.error);
  set_text(values, TlsField::kSha256, leaf.sha256);
  set_text(values, TlsField::kSubjectCn, escaped(leaf.subject_cn));
  set_text(values, TlsField::kIssuerCn, escaped(leaf.issuer_cn));
  const bool readable = leaf.error.empty() || !leaf.serial.empty();
  if (!readable) return;
  field(values, TlsField::kSubjectDn) = leaf.subject_dn;
  field(values, TlsField::kIssuerDn) = leaf.issuer_dn;
  set_text(values, TlsField::kSerial, leaf.serial);
  if (leaf.not_before) {
    field(values, TlsField::kNotBefore) = leaf.not_before_text;
    field(values, TlsField::kNotYetValid) = view.now_s < *leaf.not_before;
  }
  if (leaf.not_after) {
    field(values, TlsField::kNotAfter) = leaf.not_after_text;
    field(values, TlsField::kExpired) = view.now_s > *leaf.not_after;
  }
  std::vector<std::string> san;
  for (const x509::AltName& name : leaf.listed_alt_names()) san.push_back(escaped(name.text));
  field(values, TlsField::kSan) = std::move(san);
  set_text(values, TlsField::kKeyType, leaf.key_type);
  set_text(values, TlsField::kSignatureAlgorithm, leaf.signature_algorithm);
  field(values, TlsField::kSelfSigned) = leaf.self_signed;
  field(values, TlsField::kWildcard) = leaf.wildcard;
  field(values, TlsField::kHostMatches) = x509::host_matches(leaf, view.wanted);
}

std::string chain_json(std::span<const x509::Certificate> rest) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartArray();
  for (const x509::Certificate& certificate : rest) {
    json.StartObject();
    put(json, "subject_cn", escaped(certificate.subject_cn));
    put(json, "issuer_cn", escaped(certificate.issuer_cn));
    put(json, "sha256", certificate.sha256);
    if (certificate.not_after) put(json, "not_after", certificate.not_after_text);
    if (!certificate.error.empty()) put(json, "error", certificate.error);
    json.EndObject();
  }
  json.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

std::span<const FieldDef> tls_fields() { return kFields; }

void fill_findings(const TlsFindings& found, std::span<Value> values) {
  set_text(values, TlsField::kVersion, wire::tls_version_name(found.version));
  if (found.cipher) field(values, TlsField::kCipher) = wire::tls_cipher_name(*found.cipher);
  if (found.group) field(values, TlsField::kGroup) = wire::tls_group_name(*found.group);
  set_text(values, TlsField::kAlpn, escaped(found.alpn));
  if (found.hello_retry) field(values, TlsField::kHelloRetry) = *found.hello_retry;
  if (found.client_cert_requested) field(values, TlsField::kClientCertRequested) = *found.client_cert_requested;
  if (found.ocsp_stapled) field(values, TlsField::kOcspStapled) = *found.ocsp_stapled;
  if (found.alert) field(values, TlsField::kAlert) = wire::tls_alert_name(*found.alert);
}

void fill_certificates(const x509::Answer& answer, const CertificateView& view, std::span<Value> values) {
  const std::vector<x509::Certificate>& all = answer.facts->certificates;
  if (all.empty()) return;
  const x509::Certificate& leaf = all.front();
  fill_leaf(leaf, view, values);
  field(values, TlsField::kScts) = std::int64_t{leaf.embedded_scts} + answer.listed_scts + answer.ocsp_scts;
  field(values, TlsField::kChain) = results::Json{chain_json(std::span(all).subspan(1))};
  if (view.pem) {
    std::vector<std::string> texts;
    texts.reserve(all.size());
    for (const x509::Certificate& certificate : all) texts.push_back(x509::pem(certificate.der));
    field(values, TlsField::kPem) = std::move(texts);
  }
  if (!view.verify) return;
  // In the order in which they weigh: who vouches for it, for whom it is, whether the server has its key.
  std::string_view error = answer.facts->verified ? "" : std::string_view(answer.facts->verify_error);
  if (error.empty() && !x509::host_matches(leaf, view.wanted)) error = "hostname mismatch";
  if (error.empty() && answer.proof && !answer.proof->ok) error = answer.proof->error;
  if (error.empty() && view.unproven) error = "the handshake ended before the server had shown its key";
  field(values, TlsField::kVerified) = error.empty();
  set_text(values, TlsField::kVerifyError, error);
}

void fill_survey(const SurveyResult& result, std::span<Value> values) {
  if (!result.jarm.empty()) field(values, TlsField::kJarm) = result.jarm;
  if (result.incomplete) field(values, TlsField::kEnumerationIncomplete) = true;
  if (result.has_versions) {
    std::vector<std::string> names;
    names.reserve(result.versions.size());
    for (const std::uint16_t version : result.versions) names.emplace_back(wire::tls_version_name(version));
    field(values, TlsField::kVersions) = std::move(names);
  }
  if (result.has_groups) {
    std::vector<std::string> names;
    names.reserve(result.groups.size() + 1);
    for (const std::uint16_t group : result.groups) names.push_back(wire::tls_group_name(group));
    // Before TLS 1.3 the survey cannot see the curves that a server takes only beside its certificate's own.
    const auto* agreed = std::get_if<std::string>(&field(values, TlsField::kGroup));
    if (agreed != nullptr && std::ranges::find(names, *agreed) == names.end()) names.push_back(*agreed);
    field(values, TlsField::kGroups) = std::move(names);
  }
  if (!result.has_ciphers) return;
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  for (const SurveyResult::Ciphers& ciphers : result.ciphers) {
    const std::string_view version = wire::tls_version_name(ciphers.version);
    json.Key(version.data(), static_cast<rapidjson::SizeType>(version.size()));
    json.StartArray();
    for (const std::uint16_t suite : ciphers.suites) json.String(wire::tls_cipher_name(suite).c_str());
    json.EndArray();
  }
  json.EndObject();
  field(values, TlsField::kCiphers) = results::Json{{buffer.GetString(), buffer.GetSize()}};
}

}  // namespace sonde::probes
