// The dns prober's section of a module.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/module_yaml.h"
#include "targets/input_text.h"
#include "wire/dns_codes.h"

namespace sonde::config {
namespace {

using targets::quoted;

// A number of the registry by its name: in capitals, as 0.23 wants it, and none of the nameless (TYPE65280).
Parsed<std::uint16_t> by_name(std::string_view text, std::optional<std::uint16_t> number,
                              std::string (*name)(std::uint16_t), std::string_view what) {
  const bool has_lower = std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
  if (number && name(*number) == text && !text.starts_with("TYPE") && !text.starts_with("CLASS") &&
      !text.starts_with("RCODE"))
    return *number;
  return input_error(fmt::format("{} is not {}{}", quoted(text), what, has_lower ? ": names are in capitals" : ""));
}

Parsed<std::uint16_t> parse_type(std::string_view text) {
  if (text.empty()) return wire::dns_type::kAny;
  return by_name(text, wire::parse_dns_type(text), wire::dns_type_name, "a DNS type, such as A, AAAA, MX or SOA");
}

Parsed<std::uint16_t> parse_class(std::string_view text) {
  if (text.empty()) return wire::dns_class::kIn;
  return by_name(text, wire::parse_dns_class(text), wire::dns_class_name, "a DNS class, such as IN or CH");
}

Parsed<std::uint16_t> parse_rcode(std::string_view text) {
  constexpr std::uint16_t kNotImp = 4, kBadSig = 16;
  if (text == "NOTIMPL") return kNotImp;  // other names that 0.23 knows
  if (text == "BADSIG") return kBadSig;
  return by_name(text, wire::parse_dns_rcode(text), wire::dns_rcode_name,
                 "a DNS response code, such as NOERROR or NXDOMAIN");
}

void read_validation(Section& section, std::string_view key, probes::RrValidation& out) {
  const Value* value = section.find(key);
  if (value == nullptr) return;
  Section validation(*value);
  read_patterns(validation, "fail_if_matches_regexp", out.fail_if_matches, true);
  read_patterns(validation, "fail_if_all_match_regexp", out.fail_if_all_match, true);
  read_patterns(validation, "fail_if_not_matches_regexp", out.fail_if_not_matches, true);
  read_patterns(validation, "fail_if_none_matches_regexp", out.fail_if_none_matches, true);
  validation.finish();
}

}  // namespace

void read_dns(const Value& value, const std::string& directory, probes::DnsCheck& out) {
  Section section(value);
  read_ip(section, out.ip);
  read_source_address(section, out.source_ip_address);
  section.read_text(
      "transport_protocol", out.over_tcp,
      [](std::string_view text) -> Parsed<bool> {
        if (text.empty() || text == "udp" || text == "tcp") return text == "tcp";
        return input_error(quoted(text) + " is not one of udp, tcp");
      },
      true);
  section.read("dns_over_tls", out.over_tls);
  if (out.over_tls && !out.over_tcp) section.doubt("dns_over_tls", "needs transport_protocol: tcp");
  read_tls(section, "tls_config", directory, out.tls_config);
  section.read("query_name", out.query_name);
  if (out.query_name.empty()) section.fail("query_name", "a dns module needs a query_name, such as example.com");
  section.read_text("query_type", out.query_type, parse_type);
  section.read_text("query_class", out.query_class, parse_class);
  section.read("recursion_desired", out.recursion_desired);
  if (const Value* list = section.find("valid_rcodes")) {
    out.valid_rcodes.emplace();
    for (const Value& item : items_of(*list)) {
      std::string text;
      if (!take(item, text)) continue;
      if (const Parsed<std::uint16_t> rcode = parse_rcode(text)) {
        out.valid_rcodes->push_back(*rcode);
      } else {
        item.doubt(rcode.error().text);
      }
    }
  }
  read_validation(section, "validate_answer_rrs", out.answer);
  read_validation(section, "validate_authority_rrs", out.authority);
  read_validation(section, "validate_additional_rrs", out.additional);
  section.finish();
}

}  // namespace sonde::config
