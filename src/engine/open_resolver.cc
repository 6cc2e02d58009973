#include "engine/open_resolver.h"

#include <utility>

#include "engine/caching_resolver.h"
#include "engine/cares_transport.h"
#include "engine/host_table.h"

namespace sonde::engine {

Result<std::unique_ptr<Resolver>> open_resolver(io::Backend& backend, const ResolverOptions& options) {
  Result<std::unique_ptr<CaresTransport>> transport =
      CaresTransport::create(backend, options.servers, options.timeout, options.per_server);
  if (!transport) return std::unexpected(transport.error());
  CachingOptions caching{.ip_version = options.ip_version,
                         .both_families = options.both_families,
                         .timeout = options.timeout,
                         .per_server = options.per_server,
                         .search = (*transport)->search()};
  return std::make_unique<CachingResolver>(std::move(caching), HostTable::of_system(), std::move(*transport), backend);
}

}  // namespace sonde::engine
