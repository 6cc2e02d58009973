// Plain sockets, as both kernel backends prepare, ask and close them.
#pragma once

#include <optional>

#include "base/error.h"
#include "io/backend.h"

namespace sonde::io {

// Source address and keepalive, before connect(2).
Result<> prepare_socket(int fd, const ConnectOptions& options);

std::optional<TcpInfo> tcp_info_of(int fd);

// RST, if the handshake was complete.
void close_with_reset(int fd);

}  // namespace sonde::io
