// Whether a request is a proper opening of a WebSocket (RFC 6455 4.2), and the answer to it.
#pragma once

#include "gateway/server/http_service.h"

namespace sonde::gateway {

// 101 with what the client waits for; or why not: 426 where it is no WebSocket of version 13, 403 where the page that
// opens it is another server's (its Origin, 10.2: a browser sends cookies and passwords along, whoever asks it to),
// 400 for all else. Any thread.
HttpResponse websocket_handshake(const HttpRequest& request, unsigned minor_version);

}  // namespace sonde::gateway
