#include "cli/tls_warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace sonde::cli {
namespace {

using probes::TlsField;

constexpr std::int64_t kSoonDays = 21;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// How long public authorities may issue for, by the day of issue (CA/Browser Forum, baseline requirements, 6.3.2).
std::int64_t longest_days(std::string_view not_before) {
  struct Rule {
    std::string_view from;
    std::int64_t days;
  };
  static constexpr auto kRules = std::to_array<Rule>(
      {{"2029-03-15", 47}, {"2027-03-15", 100}, {"2026-03-15", 200}, {"2020-09-01", 398}, {"2018-03-01", 825}});
  const auto* const rule = std::ranges::find_if(kRules, [&](const Rule& each) { return not_before >= each.from; });
  return rule == kRules.end() ? INT64_MAX : rule->days;
}

void warn_of_dates(const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s, std::vector<std::string>& all) {
  const std::string_view not_after = facts.text(TlsField::kNotAfter);
  const std::string_view not_before = facts.text(TlsField::kNotBefore);
  const std::string_view error = facts.text(TlsField::kVerifyError);
  const auto left = days_until(not_after, now_s);
  if (left && *left < 0 && !contains(error, "expired"))
    all.push_back(fmt::format("The certificate expired {}.", days_from_now(not_after, now_s)));
  if (left && *left >= 0 && *left < kSoonDays)
    all.push_back(fmt::format("The certificate expires {}: renew it.", days_from_now(not_after, now_s)));
  if (!facts.flag(TlsField::kVerified)) return;
  for (const TlsFacts::Sent& sent : facts.chain())
    if (const auto days = days_until(sent.not_after, now_s); days && *days < kSoonDays)
      all.push_back(fmt::format("In the chain, {} {} {}.", sent.subject_cn, *days < 0 ? "expired" : "expires",
                                days_from_now(sent.not_after, now_s)));
  const auto began = days_until(not_before, now_s);
  const std::int64_t most = longest_days(not_before);
  if (!asked.own_roots && left && began && *left - *began > most)
    all.push_back(
        fmt::format("It is valid for {} days; public authorities may issue for {} at most, and browsers "
                    "refuse more from them.",
                    *left - *began, most));
}

void warn_of_certificate(const TlsFacts& facts, const TlsAsked& asked, std::vector<std::string>& all) {
  const std::string_view error = facts.text(TlsField::kVerifyError);
  if (facts.has(TlsField::kHostMatches) && !facts.flag(TlsField::kHostMatches) && !contains(error, "hostname"))
    all.push_back(fmt::format("The certificate is not for {}.", asked.name));
  if (facts.has(TlsField::kSubjectDn) && facts.list(TlsField::kSan).empty() && !contains(error, "hostname"))
    all.emplace_back("It has no alternative names; browsers do not look at the common name.");
  const std::string_view key = facts.text(TlsField::kKeyType);
  const int bits = rsa_bits(key);
  if (bits > 0 && bits < 2048)
    all.push_back(
        fmt::format("Its RSA key has {} bits; 2048 is the least that is safe, and some browsers refuse less.", bits));
  if (key.starts_with("ed25519") || key.starts_with("ed448"))
    all.push_back(fmt::format("Its key is of the type {}, which most browsers do not accept in certificates.", key));
  const std::string_view signature = facts.text(TlsField::kSignatureAlgorithm);
  if (contains(signature, "sha1") || contains(signature, "SHA1") || contains(signature, "md5"))
    all.push_back(fmt::format("It is signed with {}, which can be forged.", signature));
  if (facts.flag(TlsField::kVerified) && !asked.own_roots && facts.number(TlsField::kScts) == 0)
    all.emplace_back("It carries no signed certificate timestamps; from a public authority, browsers want them.");
  if (facts.has(TlsField::kCertificateError))
    all.emplace_back("The encoding of the certificate is malformed; some clients refuse it.");
  std::string_view below = facts.text(TlsField::kIssuerCn);
  const std::vector<TlsFacts::Sent> chain = facts.chain();
  for (const TlsFacts::Sent& sent : chain) {
    if (!below.empty() && !sent.subject_cn.empty() && sent.subject_cn != below) {
      all.emplace_back("The chain is out of order, or has what does not belong to it; strict clients fail on that.");
      break;
    }
    below = sent.issuer_cn;
  }
}

void warn_of_offers(const TlsFacts& facts, const TlsAsked& asked, std::vector<std::string>& all) {
  const std::vector<std::string> versions = facts.list(TlsField::kVersions);
  std::vector<std::string> old;
  std::ranges::copy_if(versions, std::back_inserter(old),
                       [](const std::string& version) { return is_old_version(version); });
  if (!old.empty())
    all.push_back(fmt::format("Still speaks {}, which browsers no longer do: turn {} off.", fmt::join(old, ", "),
                              old.size() == 1 ? "it" : "them"));
  if (!versions.empty() && std::ranges::find(versions, "TLS1.3") == versions.end())
    all.emplace_back("TLS 1.3 is not supported.");
  const std::string_view version = facts.text(TlsField::kVersion);
  if (versions.empty() && is_old_version(version))
    all.push_back(asked.offers_tls12 ? fmt::format("The server chose {}, which browsers refuse.", version)
                                     : fmt::format("The server speaks {}, which browsers refuse.", version));
  std::vector<std::string> weak;
  for (const auto& [at, suites] : facts.ciphers())
    for (const std::string& suite : suites)
      if (!weakness(suite).empty() && std::ranges::find(weak, suite) == weak.end()) weak.push_back(suite);
  if (!weak.empty())
    all.push_back(
        fmt::format("Accepts {} weak cipher suite{}, marked above.", weak.size(), weak.size() == 1 ? "" : "s"));
}

}  // namespace

std::vector<std::string> tls_warnings(const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s) {
  std::vector<std::string> all;
  warn_of_dates(facts, asked, now_s, all);
  warn_of_certificate(facts, asked, all);
  warn_of_offers(facts, asked, all);
  if (facts.has(TlsField::kAlpnKept) && !facts.flag(TlsField::kAlpnKept))
    all.emplace_back("A resumed session speaks another application protocol than the first one.");
  return all;
}

}  // namespace sonde::cli
