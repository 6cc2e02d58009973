// The options of the dns probe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "engine/probe.h"
#include "wire/dns.h"

namespace sonde::probes {

enum class DnsTransport : std::uint8_t { kUdp, kTcp, kTls };
std::string_view name(DnsTransport transport);

struct DnsOptions {
  DnsTransport transport = DnsTransport::kUdp;
  // As given. What is not, the target decides: the address of its own name, or the root's name servers.
  std::optional<wire::DnsName> query_name;
  std::optional<IpAddress> query_address;  // the name is an address; of PTR its reverse is asked for
  std::optional<std::uint16_t> type;
  std::uint16_t klass = wire::dns_class::kIn;
  bool recursion = true;
  bool dnssec = false;

  // The question to a target, whose name is `host`, if it has one.
  wire::DnsQuery question(std::string_view host) const;
};

std::span<const engine::OptionDef> dns_option_defs();
// The error says what would be right.
Parsed<> set_dns_option(DnsOptions& options, std::string_view name, std::string_view value);

}  // namespace sonde::probes
