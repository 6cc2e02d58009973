#include "probes/check/prober.h"

#include <cstdint>
#include <string>

namespace sonde::probes {
namespace {

using metrics::Family;

constexpr Family kSuccess{"probe_success", "Displays whether or not the probe was a success"};
constexpr Family kDuration{"probe_duration_seconds", "Returns how long the probe took to complete in seconds"};
constexpr Family kLookupTime{"probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds"};
constexpr Family kIpProtocol{"probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6"};
constexpr Family kIpHash{"probe_ip_addr_hash",
                         "Specifies the hash of IP address. It's useful to detect if the IP address changes."};
constexpr Family kCause{"probe_cause_info", "Where the probe failed, in what outcome, and why"};

double seconds(Nanos time) { return static_cast<double>(time) / static_cast<double>(kSecond); }

// FNV-1a, 32 bits, of the address's bytes in network order: four of IPv4.
std::uint32_t address_hash(const IpAddress& address) {
  const U128 bits = address.is_v4() ? U128{address.v4_bits()} : address.bits();
  std::uint32_t hash = 2166136261U;
  for (int shift = address.is_v4() ? 24 : 120; shift >= 0; shift -= 8) {
    hash ^= static_cast<std::uint32_t>(bits >> shift) & 0xff;
    hash *= 16777619U;
  }
  return hash;
}

void sample_address(const CheckRun& run, metrics::Samples& out) {
  const std::int32_t took_us = run.ending.timing_us[static_cast<std::size_t>(results::Phase::kDns)];
  const IpAddress& address = run.ending.address;
  const bool found = !address.is_unspecified();
  out.add(kLookupTime, took_us == results::kNoTiming ? 0 : seconds(Nanos{took_us} * kMicrosecond));
  out.add(kIpProtocol, !found ? 0 : address.is_v4() ? 4 : 6);
  out.add(kIpHash, found ? address_hash(address) : 0);
}

}  // namespace

void sample_run(const CheckRun& run, Nanos took, metrics::Samples& out) {
  out.add(kSuccess, run.success ? 1 : 0);
  out.add(kDuration, seconds(took));
  if (run.plan.resolves) sample_address(run, out);
  if (!run.success)
    out.add(kCause,
            {{"cause", run.ending.cause},
             {"outcome", std::string(results::name(run.ending.outcome))},
             {"phase", std::string(results::name(run.ending.phase))}},
            1);
  run.prober->sample(run, out);
}

}  // namespace sonde::probes
