// tls records made by hand, for the tests of the page: a healthy site, and what a test changes of it.
#pragma once

#include <string>
#include <vector>

#include "cli/tls_asked.h"
#include "cli/tls_page.h"
#include "probes/tls/tls_fields.h"
#include "results/record.h"

namespace sonde::cli {

using probes::TlsField;
using Texts = std::vector<std::string>;

inline constexpr std::int64_t kMadeNow = 1'795'348'800;  // 2026-11-22T12:00:00Z

struct MadeRecord {
  std::vector<results::Value> values = std::vector<results::Value>(static_cast<std::size_t>(TlsField::kCount));
  results::Record record;
  TlsAsked asked = {.target = "host.example:443", .name = "host.example"};
  std::string error;

  MadeRecord() {
    record.ip = *parse_ip("192.0.2.1");
    record.port = 443;
    record.timing_us.fill(results::kNoTiming);
  }
  results::Value& operator[](TlsField id) { return values[static_cast<std::size_t>(id)]; }
  MadeRecord& ended(results::Outcome outcome, results::Phase phase, std::string text) {
    record.outcome = outcome;
    record.phase = phase;
    error = std::move(text);
    return *this;
  }
  void timing(results::Phase phase, std::int32_t us) { record.timing_us[static_cast<std::size_t>(phase)] = us; }
  const results::Record& made() {
    record.values = values;
    record.error = error;
    return record;
  }
  std::string page(bool colour = false) {
    return tls_page(made(), {.colour = colour, .now_s = kMadeNow, .asked = asked});
  }
};

inline void add_certificate(MadeRecord& site) {
  site[TlsField::kSubjectCn] = "host.example";
  site[TlsField::kSubjectDn] = "CN=host.example";
  site[TlsField::kIssuerCn] = "Example R3";
  site[TlsField::kIssuerDn] = "CN=Example R3,O=Example Trust,C=AQ";
  site[TlsField::kSerial] = "04b2";
  site[TlsField::kNotBefore] = "2026-10-01T00:00:00Z";
  site[TlsField::kNotAfter] = "2026-12-30T00:00:00Z";
  site[TlsField::kSan] = Texts{"host.example", "www.host.example"};
  site[TlsField::kKeyType] = "ecdsa-p256";
  site[TlsField::kSignatureAlgorithm] = "sha256WithRSAEncryption";
  site[TlsField::kSha256] = std::string(64, 'a');
  site[TlsField::kSelfSigned] = false;
  site[TlsField::kExpired] = false;
  site[TlsField::kHostMatches] = true;
  site[TlsField::kScts] = std::int64_t{2};
  site[TlsField::kVerified] = true;
  site[TlsField::kChain] = results::Json{
      R"([{"subject_cn":"Example R3","issuer_cn":"Example Root","sha256":"bb","not_after":"2030-01-01T00:00:00Z"}])"};
}

// TLS 1.3 with TLS 1.2 beside it, ECDHE alone, a chain of two whose root is known.
inline MadeRecord healthy_site() {
  MadeRecord site;
  site[TlsField::kEngine] = "full";
  site[TlsField::kVersion] = "TLS1.3";
  site[TlsField::kCipher] = "TLS_AES_128_GCM_SHA256";
  site[TlsField::kGroup] = "x25519";
  site[TlsField::kSni] = "host.example";
  site[TlsField::kAlpn] = "h2";
  site[TlsField::kClientCertRequested] = false;
  site[TlsField::kOcspStapled] = false;
  site[TlsField::kVersions] = Texts{"TLS1.2", "TLS1.3"};
  site[TlsField::kGroups] = Texts{"x25519", "secp256r1"};
  site[TlsField::kCiphers] =
      results::Json{R"({"TLS1.2":["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],"TLS1.3":["TLS_AES_128_GCM_SHA256"]})"};
  add_certificate(site);
  site.timing(results::Phase::kDns, 1200);
  site.timing(results::Phase::kConnect, 20'000);
  site.timing(results::Phase::kTls, 30'000);
  site.timing(results::Phase::kDone, 51'300);
  return site;
}

inline MadeRecord refused_by_verify(std::string error) {
  MadeRecord site = healthy_site();
  site[TlsField::kVerified] = false;
  site[TlsField::kVerifyError] = std::move(error);
  return site;
}

}  // namespace sonde::cli
