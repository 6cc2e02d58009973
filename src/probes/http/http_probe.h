// The http probe: a request and its answer, over HTTP/1.1 or 2, in the clear or over TLS; redirects, several requests
// over one connection. Over TLS it is always the full engine: a lean handshake ends before a request could be made. In
// a pass behind the tls probe it goes on over the session that this one has opened.
#pragma once

#include <memory>

#include "engine/probe.h"

namespace sonde::probes {

std::unique_ptr<engine::ProbeModule> make_http_module();

}  // namespace sonde::probes
