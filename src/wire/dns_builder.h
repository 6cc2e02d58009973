// Builds DNS messages in tests, byte by byte, right or wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <algorithm>
#include <initializer_list>

#include "base/check.h"
#include "wire/dns.h"

namespace sonde::wire {

using DnsBytes = std::vector<std::byte>;

inline DnsBytes dns_number(std::uint64_t value, std::size_t size) {
  DnsBytes bytes(size);
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<std::byte>(value & 0xff);
  return bytes;
}
inline DnsBytes dns_name_bytes(std::string_view text) {
  const std::optional<DnsName> name = DnsName::from_text(text);
  SONDE_CHECK(name.has_value(), "no name");
  return {name->wire().begin(), name->wire().end()};
}
inline DnsBytes dns_pointer(std::size_t target) { return dns_number(0xc000 | target, 2); }
inline DnsBytes dns_joined(std::initializer_list<DnsBytes> parts) {
  DnsBytes all;
  for (const DnsBytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
// A character-string, or any bytes behind a length of one byte.
inline DnsBytes dns_string(std::string_view text) {
  DnsBytes bytes = dns_number(text.size(), 1);
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

// An answer that repeats its question; the question's name stands at 12.
class DnsBuilder {
 public:
  explicit DnsBuilder(std::uint16_t flags = 0x8180, std::uint16_t id = 0x1234)
      : bytes_(dns_joined({dns_number(id, 2), dns_number(flags, 2), dns_number(0, 8)})) {}

  DnsBuilder& question(std::string_view name, std::uint16_t type) {
    return add(4, dns_joined({dns_name_bytes(name), dns_number(type, 2), dns_number(1, 2)}));
  }
  // owner: its bytes, such as dns_pointer(12).
  DnsBuilder& record(DnsSection section, const DnsBytes& owner, std::uint16_t type, std::uint32_t ttl,
                     const DnsBytes& rdata, std::uint16_t klass = 1) {
    return add(6 + 2 * static_cast<std::size_t>(section),
               dns_joined({owner, dns_number(type, 2), dns_number(klass, 2), dns_number(ttl, 4),
                           dns_number(rdata.size(), 2), rdata}));
  }
  DnsBuilder& answer(std::string_view owner, std::uint16_t type, std::uint32_t ttl, const DnsBytes& rdata) {
    return record(DnsSection::kAnswer, dns_name_bytes(owner), type, ttl, rdata);
  }
  DnsBuilder& address(std::string_view owner, std::uint32_t ttl, std::uint32_t v4) {
    return answer(owner, dns_type::kA, ttl, dns_number(v4, 4));
  }
  DnsBuilder& alias(std::string_view owner, std::uint32_t ttl, std::string_view target) {
    return answer(owner, dns_type::kCname, ttl, dns_name_bytes(target));
  }
  DnsBuilder& soa(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum) {
    return record(DnsSection::kAuthority, dns_name_bytes(zone), dns_type::kSoa, ttl,
                  dns_joined({dns_name_bytes("ns.example"), dns_name_bytes("admin.example"), dns_number(1, 4),
                              dns_number(2, 4), dns_number(3, 4), dns_number(4, 4), dns_number(minimum, 4)}));
  }
  // Raises the count at `offset` of the header without a record, or lowers it.
  DnsBuilder& miscount(std::size_t offset, int by) {
    const int count = std::to_integer<int>(bytes_[offset]) << 8 | std::to_integer<int>(bytes_[offset + 1]);
    const DnsBytes changed = dns_number(static_cast<unsigned>(count + by), 2);
    std::copy(changed.begin(), changed.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return *this;
  }
  const DnsBytes& bytes() const { return bytes_; }

 private:
  DnsBuilder& add(std::size_t count_at, const DnsBytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return miscount(count_at, 1);
  }
  DnsBytes bytes_;
};

}  // namespace sonde::wire
