// A name resolved while the caller waits: for set-up, before any shard runs.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "base/time.h"

namespace sonde::engine {

// All addresses of a name, of both families, whatever is preferred elsewhere. A name that does not exist has none.
// servers: "127.0.0.1:5353", "[::1]:53", comma-separated; empty: the system's. The error: nobody could be asked, or
// nobody answered within `timeout`.
Result<std::vector<IpAddress>> resolve_all(const std::string& host, const std::string& servers, Nanos timeout);

}  // namespace sonde::engine
