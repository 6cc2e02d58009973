// The resolver of a shard, put together: this machine's hosts and search list, DNS over c-ares, a cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "engine/resolver.h"
#include "io/backend.h"

namespace sonde::engine {

struct ResolverOptions {
  std::string servers;          // "127.0.0.1:5353", "[::1]:53", comma-separated; empty: the system's
  Nanos timeout = 2 * kSecond;  // of one name
  IpVersion ip_version = IpVersion::kPrefer4;
  bool both_families = false;                        // where both are allowed: the other's addresses behind the first's
  std::uint32_t per_server = kOutstandingPerServer;  // questions outstanding at one server
};

// Opens no socket before the first question. backend outlives the resolver, and is its clock.
Result<std::unique_ptr<Resolver>> open_resolver(io::Backend& backend, const ResolverOptions& options);

}  // namespace sonde::engine
