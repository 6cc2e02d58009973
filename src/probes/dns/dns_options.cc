#include "probes/dns/dns_options.h"

#include <fmt/format.h>

#include <array>

namespace sonde::probes {
namespace {

using wire::DnsName;

constexpr auto kTransports = std::to_array<std::string_view>({"udp", "tcp", "tls"});

constexpr auto kOptions = std::to_array<engine::OptionDef>({
    {"dns-query", "NAME", "", "the name to ask for; default: the target's own name, or the root for an address"},
    {"dns-type", "TYPE", "", "A, AAAA, TXT, PTR, ANY, TYPE65 …; default: A, of the root NS, of an address PTR"},
    {"dns-class", "CLASS", "IN", "IN, CH …"},
    {"dns-transport", "udp|tcp|tls", "udp", "tls is DNS over TLS, on port 853; udp goes on over tcp when told to"},
    {"dns-no-recursion", "", "", "do not ask for recursion (RD is 0)", true},
    {"dns-dnssec", "", "", "ask for signatures (DO is 1)", true},
});

Parsed<> set_transport(DnsOptions& options, std::string_view value) {
  for (std::size_t i = 0; i < kTransports.size(); ++i) {
    if (value != kTransports[i]) continue;
    options.transport = static_cast<DnsTransport>(i);
    return {};
  }
  return input_error(fmt::format("'{}' is not one of udp, tcp, tls", value));
}

Parsed<> set_query(DnsOptions& options, std::string_view value) {
  options.query_name = DnsName::from_text(value);
  options.query_address = parse_ip(value);
  if (!options.query_name && !options.query_address)  // an IPv6 address is a name too, as its text goes
    return input_error(fmt::format("'{}' is not a domain name: labels of 1 to 63 characters, 253 in all", value));
  return {};
}

Parsed<> set_type(DnsOptions& options, std::string_view value) {
  options.type = wire::parse_dns_type(value);
  if (!options.type) return input_error(fmt::format("'{}' is not a type of records, such as A, TXT or TYPE65", value));
  return {};
}

Parsed<> set_class(DnsOptions& options, std::string_view value) {
  const std::optional<std::uint16_t> klass = wire::parse_dns_class(value);
  if (!klass) return input_error(fmt::format("'{}' is not a class, such as IN, CH or CLASS1", value));
  options.klass = *klass;
  return {};
}

}  // namespace

std::string_view name(DnsTransport transport) { return kTransports[static_cast<std::size_t>(transport)]; }

wire::DnsQuery DnsOptions::question(std::string_view host) const {
  wire::DnsQuery query{.klass = klass, .recursion_desired = recursion, .dnssec_ok = dnssec};
  if (query_address && (!type || *type == wire::dns_type::kPtr)) {
    query.name = DnsName::reverse(*query_address);
    query.type = wire::dns_type::kPtr;
    return query;
  }
  const std::optional<DnsName> own = host.empty() ? std::nullopt : DnsName::from_text(host);
  const std::optional<DnsName>& asked = query_name ? query_name : own;
  if (asked) query.name = *asked;
  query.type = type.value_or(query.name.is_root() ? wire::dns_type::kNs : wire::dns_type::kA);
  return query;
}

std::span<const engine::OptionDef> dns_option_defs() { return kOptions; }

Parsed<> set_dns_option(DnsOptions& options, std::string_view name, std::string_view value) {
  if (name == "dns-query") return set_query(options, value);
  if (name == "dns-type") return set_type(options, value);
  if (name == "dns-class") return set_class(options, value);
  if (name == "dns-transport") return set_transport(options, value);
  if (name == "dns-no-recursion") options.recursion = value != "true";
  if (name == "dns-dnssec") options.dnssec = value == "true";
  return {};
}

}  // namespace sonde::probes
