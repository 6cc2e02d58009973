#include "cli/tls_facts.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <chrono>

namespace sonde::cli {

using probes::TlsField;

std::vector<TlsFacts::Sent> TlsFacts::chain() const {
  std::vector<Sent> chain;
  simdjson::dom::parser parser;
  simdjson::dom::array sent;
  if (parser.parse(json(TlsField::kChain)).get(sent) != simdjson::SUCCESS) return chain;
  for (const simdjson::dom::element entry : sent) {
    const auto text = [&](const char* key) {
      std::string_view value;
      return entry[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
    };
    chain.push_back({.subject_cn = text("subject_cn"), .issuer_cn = text("issuer_cn"), .not_after = text("not_after")});
  }
  return chain;
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

std::string days_from_now(std::string_view rfc3339, std::int64_t now_s) {
  const std::optional<std::int64_t> days = days_until(rfc3339, now_s);
  if (!days) return {};
  if (*days == 0) return "today";
  const std::int64_t count = *days < 0 ? -*days : *days;
  const std::string text = fmt::format("{} day{}", count, count == 1 ? "" : "s");
  return *days < 0 ? text + " ago" : "in " + text;
}

int rsa_bits(std::string_view key_type) {
  int bits = 0;
  if (key_type.starts_with("rsa-")) std::from_chars(key_type.data() + 4, key_type.data() + key_type.size(), bits);
  return bits;
}

bool is_old_version(std::string_view version) {
  return version == "SSL3" || version == "TLS1.0" || version == "TLS1.1";
}

std::string_view weakness(std::string_view suite) {
  const auto has = [&](std::string_view part) { return suite.find(part) != std::string_view::npos; };
  if (has("_NULL_") || suite == "TLS_SHA256_SHA256" || suite == "TLS_SHA384_SHA384") return "no encryption";
  if (has("_anon_")) return "no authentication";
  if (has("EXPORT")) return "export grade, broken";
  if (has("_RC4_") || has("_RC2_")) return "RC4 or RC2, broken";
  if (has("_DES_") || has("_DES40_")) return "DES, broken";
  if (has("_3DES_") || has("_IDEA_")) return "64-bit blocks, SWEET32";
  if (suite.ends_with("_MD5")) return "MD5";
  for (const std::string_view fixed : {"TLS_RSA_", "TLS_DH_", "TLS_ECDH_", "TLS_PSK_", "TLS_KRB5_"})
    if (suite.starts_with(fixed)) return "no forward secrecy";
  return {};
}

}  // namespace sonde::cli
