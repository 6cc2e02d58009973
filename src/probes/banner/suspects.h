// Addresses that look like nobody's: every port is open there and none speaks, or all say the same, as behind SYN
// proxies and in tarpits. One table a run, shared by all shards; any thread. Bounded: of the addresses that were probed
// last, those that were seen longest ago are forgotten first.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "base/ip_address.h"

namespace sonde::probes {

enum class Suspicion : std::uint8_t { kNone, kSilent, kSameAnswer };
std::string_view name_of(Suspicion suspicion);  // "silent", "same_answer"; "" for none

class Suspects {
 public:
  static constexpr std::size_t kAddresses = 65'536;
  static constexpr unsigned kPorts = 8;  // that many of one address make it suspect

  // addresses: at most so many are remembered, those of one stripe dividing that equally.
  explicit Suspects(std::size_t addresses = kAddresses);

  // A port of the address was open and silent to every hello. Gives what the address is suspected of by now.
  Suspicion silent(const Endpoint& endpoint);
  // A port said something; `digest` stands for its bytes. Of one address the four most frequent answers are counted.
  Suspicion answered(const Endpoint& endpoint, std::uint64_t digest);

 private:
  struct Answer {
    std::uint64_t digest = 0;
    std::uint32_t ports = 0;
  };
  struct Entry {
    IpAddress address;
    std::array<std::uint16_t, kPorts> silent{};  // ports: one that is tried again counts once
    unsigned silent_count = 0;
    std::array<Answer, 4> answers{};
    Suspicion suspicion() const;
  };
  struct AddressHash {
    std::size_t operator()(const IpAddress& address) const { return address.hash(); }
  };
  struct Stripe {
    std::mutex mutex;
    std::list<Entry> entries;  // the one seen last in front
    std::unordered_map<IpAddress, std::list<Entry>::iterator, AddressHash> by_address;
  };
  static constexpr std::size_t kStripes = 16;

  Stripe& stripe_of(const IpAddress& address) { return stripes_[address.hash() >> 60]; }
  Entry& entry_of(Stripe& stripe, const IpAddress& address);  // REQUIRES: the stripe's mutex is held

  std::array<Stripe, kStripes> stripes_;
  std::size_t per_stripe_;
};

}  // namespace sonde::probes
