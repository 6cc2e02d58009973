// The data of resource records: the few that code looks into, and all of them as text.
#pragma once

#include <optional>
#include <string>

#include "base/ip_address.h"
#include "wire/dns.h"

namespace sonde::wire {

// The address of an A or AAAA record (RFC 1035, 3.4.1; RFC 3596, 2.2); nothing for another type or size.
std::optional<IpAddress> dns_address(const DnsRecord& record);

// The name that is the whole data of CNAME, NS, PTR and DNAME; nothing for others, or what is broken.
std::optional<DnsName> dns_target(const DnsRecord& record);

struct DnsSoa {  // RFC 1035, 3.3.13
  DnsName primary;
  DnsName mailbox;
  std::uint32_t serial = 0;
  std::uint32_t refresh = 0;
  std::uint32_t retry = 0;
  std::uint32_t expire = 0;
  std::uint32_t minimum = 0;  // of negative answers, together with the record's own TTL (RFC 2308, 5)
};
std::optional<DnsSoa> dns_soa(const DnsRecord& record);

// As a master file has it: A AAAA CNAME NS PTR DNAME MX TXT SPF SOA SRV CAA SVCB HTTPS DS DNSKEY in their own forms,
// all others, and what is no such data, as RFC 3597 (5) has it: "\# 4 0a000001". Printable ASCII, of at most some 4
// characters a byte of the data and 1,004 a name in it.
std::string dns_rdata_text(const DnsRecord& record);

}  // namespace sonde::wire
