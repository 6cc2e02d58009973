#include "engine/dns_answer.h"

#include <algorithm>

#include "wire/dns_rdata.h"

namespace sonde::engine {
namespace {

using Kind = DnsAnswer::Kind;
namespace dns_type = wire::dns_type;

// One look at all records. Aliases mostly stand in the order in which they are followed, so that one look does; true
// when another may find more.
bool look(wire::DnsReader reader, std::uint16_t type, DnsAnswer& answer) {
  const int aliases_before = answer.aliases;
  for (wire::DnsRecord record; reader.next_record(record);) {
    if (record.section != wire::DnsSection::kAnswer) break;
    if (record.klass != wire::dns_class::kIn || !(record.name == answer.alias)) continue;
    if (record.type == dns_type::kCname && answer.count == 0) {
      const std::optional<wire::DnsName> target = wire::dns_target(record);
      if (!target || ++answer.aliases > kMostAliases) return false;
      answer.alias = *target;
    } else if (record.type == type) {
      const std::optional<IpAddress> address = wire::dns_address(record);
      // "::" is no address, and would be taken for none that is known.
      if (!address || address->is_unspecified() || answer.count == kMostAddresses) continue;
      answer.addresses[answer.count++] = *address;
    } else {
      continue;
    }
    answer.ttl_s = std::min(answer.ttl_s, record.ttl);
  }
  return answer.count == 0 && answer.aliases > aliases_before;
}

// How long a negative answer holds, by the SOA of its zone; nothing where there is none.
std::optional<std::uint32_t> negative_ttl(wire::DnsReader reader) {
  for (wire::DnsRecord record; reader.next_record(record);) {
    if (record.section != wire::DnsSection::kAuthority) continue;
    if (const std::optional<wire::DnsSoa> soa = wire::dns_soa(record))
      return std::min({record.ttl, soa->minimum, kLongestNegativeTtl});
  }
  return std::nullopt;
}

}  // namespace

DnsAnswer read_dns_answer(std::span<const std::byte> message, const wire::DnsName& name, std::uint16_t type) {
  DnsAnswer answer{.ttl_s = kLongestTtl, .alias = name};
  wire::DnsReader reader(message);
  wire::DnsQuestion question;
  if (!reader.header().response || reader.header().questions != 1 || !reader.next_question(question) ||
      question.type != type || question.klass != wire::dns_class::kIn || !(question.name == name))
    return answer;
  switch (reader.header().rcode) {
    case wire::dns_rcode::kNoError:
    case wire::dns_rcode::kNxDomain:
      break;
    case wire::dns_rcode::kServFail:
      answer.kind = Kind::kServFail;
      return answer;
    case wire::dns_rcode::kRefused:
      answer.kind = Kind::kRefused;
      return answer;
    default:
      return answer;
  }
  while (look(reader, type, answer)) continue;
  if (answer.aliases > kMostAliases) return answer;
  if (answer.count > 0) {
    answer.kind = Kind::kAddresses;
    return answer;
  }
  if (wire::DnsReader whole = reader; !whole.finish()) return answer;
  const std::optional<std::uint32_t> ttl = negative_ttl(reader);
  const bool no_name = reader.header().rcode == wire::dns_rcode::kNxDomain;
  // Without the SOA that says so, a chain that ends nowhere was cut off (RFC 2308, 2.2).
  if (answer.aliases > 0 && !no_name && !ttl) {
    answer.kind = Kind::kAlias;
    return answer;
  }
  answer.kind = no_name ? Kind::kNoName : Kind::kNoData;
  answer.ttl_s = std::min(answer.ttl_s, ttl.value_or(kNegativeTtlWithoutSoa));
  return answer;
}

}  // namespace sonde::engine
