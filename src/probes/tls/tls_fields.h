// The fields of a tls record, and how findings become values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "probes/tls/lean_handshake.h"
#include "probes/tls/survey.h"
#include "probes/tls/tls_options.h"
#include "results/record.h"
#include "x509/desk.h"

namespace sonde::probes {

enum class TlsField : std::uint8_t {
  kEngine,
  kVersion,
  kCipher,
  kGroup,
  kSni,
  kAlpn,
  kHelloRetry,
  kJa3s,
  kJarm,
  kClientCertRequested,
  kOcspStapled,
  kScts,
  kSubjectCn,
  kSubjectDn,
  kIssuerCn,
  kIssuerDn,
  kSerial,
  kNotBefore,
  kNotAfter,
  kSan,
  kKeyType,
  kSignatureAlgorithm,
  kSha256,
  kSelfSigned,
  kExpired,
  kNotYetValid,
  kHostMatches,
  kWildcard,
  kCertificateError,
  kChain,
  kVerified,
  kVerifyError,
  kVersions,
  kCiphers,
  kGroups,
  kEnumerationIncomplete,
  kTickets,
  kPsk,
  kEarlyData,
  kAlpnKept,
  kFullTls,  // the nine timings of --resumption, in this order
  kFullFirstByte,
  kFullTotal,
  kPskTls,
  kPskFirstByte,
  kPskTotal,
  kEarlyTls,
  kEarlyFirstByte,
  kEarlyTotal,
  kAlert,
  kPem,
  kCount,
};

std::span<const results::FieldDef> tls_fields();
inline results::Value& field(std::span<results::Value> values, TlsField id) {
  return values[static_cast<std::size_t>(id)];
}

// What the handshake itself showed.
void fill_findings(const TlsFindings& found, std::span<results::Value> values);
// Behind fill_findings: the group of the handshake is among the groups.
void fill_survey(const SurveyResult& result, std::span<results::Value> values);

// What the certificates say. wanted: the name or address that the leaf must be for.
struct CertificateView {
  std::string wanted;
  std::int64_t now_s = 0;  // since 1970
  bool verify = false;
  bool unproven = false;  // the server has not shown that it has the key
  bool pem = false;
};
void fill_certificates(const x509::Answer& answer, const CertificateView& view, std::span<results::Value> values);

}  // namespace sonde::probes
