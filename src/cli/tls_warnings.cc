#include "cli/tls_warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sonde::cli {
namespace {

using probes::TlsField;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string_view TlsFacts::text(TlsField id) const {
  const auto* text = std::get_if<std::string>(&value(id));
  return text != nullptr ? std::string_view(*text) : std::string_view();
}
std::string_view TlsFacts::json(TlsField id) const {
  const auto* json = std::get_if<results::Json>(&value(id));
  return json != nullptr ? std::string_view(json->text) : std::string_view();
}
std::vector<std::string> TlsFacts::list(TlsField id) const {
  const auto* list = std::get_if<std::vector<std::string>>(&value(id));
  return list != nullptr ? *list : std::vector<std::string>();
}
bool TlsFacts::flag(TlsField id) const {
  const auto* flag = std::get_if<bool>(&value(id));
  return flag != nullptr && *flag;
}
std::int64_t TlsFacts::number(TlsField id) const {
  const auto* number = std::get_if<std::int64_t>(&value(id));
  return number != nullptr ? *number : 0;
}

std::vector<std::pair<std::string, std::vector<std::string>>> TlsFacts::ciphers() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  simdjson::dom::parser parser;
  simdjson::dom::object versions;
  if (parser.parse(json(TlsField::kCiphers)).get(versions) != simdjson::SUCCESS) return all;
  for (const auto& [version, suites] : versions) {
    auto& [name, names] = all.emplace_back(std::string(version), std::vector<std::string>());
    simdjson::dom::array list;
    if (suites.get(list) != simdjson::SUCCESS) continue;
    for (const simdjson::dom::element suite : list)
      if (std::string_view text; suite.get(text) == simdjson::SUCCESS) names.emplace_back(text);
  }
  return all;
}

std::optional<std::int64_t> days_until(std::string_view rfc3339, std::int64_t now_s) {
  // 2026-11-22T21:00:00Z
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = -1;
    if (at + size <= rfc3339.size()) std::from_chars(rfc3339.data() + at, rfc3339.data() + at + size, value);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  constexpr std::int64_t kDay = 86'400;
  const std::int64_t at =
      std::chrono::sys_days(date).time_since_epoch().count() * kDay + hour * 3600 + minute * 60 + second;
  const std::int64_t left = at - now_s;
  return left >= 0 ? left / kDay : -((-left + kDay - 1) / kDay);
}

std::string_view weakness(std::string_view suite) {
  if (contains(suite, "_NULL_")) return "no encryption";
  if (contains(suite, "_anon_")) return "no authentication";
  if (contains(suite, "EXPORT")) return "export grade, broken";
  if (contains(suite, "_RC4_") || contains(suite, "_RC2_")) return "RC4 or RC2, broken";
  if (contains(suite, "_DES_") || contains(suite, "_DES40_")) return "DES, broken";
  if (contains(suite, "_3DES_") || contains(suite, "_IDEA_")) return "64-bit blocks, SWEET32";
  if (suite.ends_with("_MD5")) return "MD5";
  if (suite.starts_with("TLS_RSA_")) return "no forward secrecy";
  return {};
}

std::string explain_verify_error(std::string_view error) {
  if (contains(error, "self-signed certificate in certificate chain"))
    return "Its chain ends in a root that is not trusted here; --ca FILE names roots of your own.";
  if (contains(error, "self-signed"))
    return "It vouches for itself; nobody who is trusted does. With --ca FILE it can be trusted all the same.";
  if (contains(error, "unable to get local issuer"))
    return "Nobody trusted issued it, or the server does not send the certificates between it and the root.";
  if (contains(error, "expired")) return "Every client refuses it since that day.";
  if (contains(error, "hostname mismatch")) return "It is for other names than the one that was asked for.";
  if (contains(error, "not yet valid")) return "It begins to be valid later; or the clock here is wrong.";
  return {};
}

namespace {

void warn_of_certificate(const TlsFacts& facts, std::int64_t now_s, std::vector<std::string>& all) {
  constexpr std::int64_t kSoonDays = 21;
  constexpr std::int64_t kLongestDays = 398;  // CA/Browser Forum, baseline requirements 6.3.2
  const auto left = days_until(facts.text(TlsField::kNotAfter), now_s);
  if (left && *left < 0) all.push_back(fmt::format("The certificate expired {} days ago.", -*left));
  if (left && *left >= 0 && *left < kSoonDays) all.push_back(fmt::format("The certificate expires in {} days.", *left));
  const auto began = days_until(facts.text(TlsField::kNotBefore), now_s);
  if (facts.flag(TlsField::kVerified) && left && began && *left - *began > kLongestDays)
    all.push_back(fmt::format("It is valid for {} days; browsers accept at most {} from public authorities.",
                              *left - *began, kLongestDays));
  if (facts.has(TlsField::kHostMatches) && !facts.flag(TlsField::kHostMatches))
    all.emplace_back("The certificate is not for the name or address that was asked for.");
  const std::string_view key = facts.text(TlsField::kKeyType);
  int bits = 0;
  if (key.starts_with("rsa-")) std::from_chars(key.data() + 4, key.data() + key.size(), bits);
  if (bits > 0 && bits < 2048)
    all.push_back(fmt::format("An RSA key of {} bits can be broken; 2048 is the least.", bits));
  const std::string_view signature = facts.text(TlsField::kSignatureAlgorithm);
  if (contains(signature, "sha1") || contains(signature, "SHA1") || contains(signature, "md5"))
    all.push_back(fmt::format("It is signed with {}, which can be forged.", signature));
  if (facts.has(TlsField::kCertificateError))
    all.emplace_back("Its encoding is malformed; some clients will refuse it.");
}

void warn_of_offers(const TlsFacts& facts, std::vector<std::string>& all) {
  const std::vector<std::string> versions = facts.list(TlsField::kVersions);
  std::vector<std::string> old;
  for (const std::string& version : versions)
    if (version == "SSL3" || version == "TLS1.0" || version == "TLS1.1") old.push_back(version);
  if (!old.empty()) all.push_back(fmt::format("Old versions are still spoken: {}.", fmt::join(old, ", ")));
  if (!versions.empty() && std::ranges::find(versions, "TLS1.3") == versions.end())
    all.emplace_back("TLS 1.3 is not supported.");
  std::vector<std::string> weak;
  for (const auto& [version, suites] : facts.ciphers())
    for (const std::string& suite : suites)
      if (!weakness(suite).empty() && std::ranges::find(weak, suite) == weak.end()) weak.push_back(suite);
  if (!weak.empty()) all.push_back(fmt::format("{} weak cipher suites are accepted.", weak.size()));
}

}  // namespace

std::vector<std::string> tls_warnings(const TlsFacts& facts, std::int64_t now_s) {
  std::vector<std::string> all;
  warn_of_certificate(facts, now_s, all);
  warn_of_offers(facts, all);
  const std::string_view version = facts.text(TlsField::kVersion);
  if (!facts.has(TlsField::kVersions) && (version == "SSL3" || version == "TLS1.0" || version == "TLS1.1"))
    all.push_back(fmt::format("The server chose {}, which browsers refuse.", version));
  return all;
}

}  // namespace sonde::cli
