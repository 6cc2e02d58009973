// What a DNS message says to the question for a name's addresses: aliases followed, lifetimes taken together.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/resolver.h"
#include "wire/dns.h"

namespace sonde::engine {

inline constexpr int kMostAliases = 16;  // CNAMEs in a row

struct DnsAnswer {
  enum class Kind : std::uint8_t {
    kAddresses,
    kAlias,     // it ends in a name that the message says nothing of: that is to be asked for
    kNoData,    // the name has no address of this type
    kNoName,    // NXDOMAIN
    kServFail,  // SERVFAIL
    kRefused,   // REFUSED
    kUnusable,  // another error, another question, a broken message, too many aliases
  };
  Kind kind = Kind::kUnusable;
  std::uint32_t ttl_s = 0;  // how long it holds; of kNoData and kNoName by RFC 2308 (5), see kNegativeTtl…
  int aliases = 0;          // that were followed
  std::size_t count = 0;    // of addresses
  std::array<IpAddress, kMostAddresses> addresses;
  wire::DnsName alias;
};

inline constexpr std::uint32_t kLongestTtl = 24 * 3600;
inline constexpr std::uint32_t kLongestNegativeTtl = 15 * 60;
inline constexpr std::uint32_t kNegativeTtlWithoutSoa = 30;

// type: A or AAAA.
DnsAnswer read_dns_answer(std::span<const std::byte> message, const wire::DnsName& name, std::uint16_t type);

}  // namespace sonde::engine
