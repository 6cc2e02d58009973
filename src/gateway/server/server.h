// The gateway's HTTP server: Boost.Beast on Asio, in threads of its own. HTTP/1.1 with keep-alive, TLS, basic and
// bearer auth, WebSocket streams, and limits against clients that are slow or many. It asks an HttpService and knows no
// path but those that need no auth.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "gateway/options.h"
#include "gateway/server/http_service.h"
#include "metrics/sample.h"
#include "os/fd.h"

namespace sonde::gateway {

struct ServerOptions {
  std::string listen = "127.0.0.1:9115";
  std::vector<os::Fd> sockets;  // that listen already (handed over, or by systemd); empty: `listen` is opened
  std::uint32_t threads = 1;
  std::uint32_t most_connections = 10'000;  // beyond it the longest idle one is closed for a new one
  std::size_t most_header = 64 << 10;
  std::size_t most_body = 1 << 20;
  Nanos header_timeout = 10 * kSecond;  // for a whole request, from its first byte
  Nanos idle_timeout = 75 * kSecond;    // between requests
  Nanos write_timeout = 30 * kSecond;
  std::uint32_t most_streams = 256;  // WebSockets, which are never closed for a new connection; beyond it 503
  Nanos ping_after = 30 * kSecond;   // a WebSocket's client that shows no sign of life
  std::optional<ServerTls> tls;
  AuthOptions auth;
};

class Server {
 public:
  // The error names the option. `service` outlives the server.
  static Parsed<std::unique_ptr<Server>> create(ServerOptions options, HttpService& service);
  virtual ~Server() = default;  // closes everything at once

  virtual void start() = 0;
  virtual std::uint16_t port() const = 0;
  // Descriptors that listen, for a successor; they stay the server's.
  virtual std::vector<int> sockets() const = 0;
  // Takes no more connections and closes the sockets that listen, answers what was asked, closes idle ones; true when
  // none is left, false after `patience`. The last that is called: port() and sockets() are no more.
  virtual bool drain(Nanos patience) = 0;
  // A reload: the next handshake uses the new certificate, the next request the new auth. Where that lets in others
  // than before, open streams are closed (1008), and whoever is let in may come again. The error leaves the old.
  virtual Parsed<> change(std::optional<ServerTls> tls, AuthOptions auth) = 0;
  virtual void sample(metrics::Samples& out) const = 0;  // sonde_server_*
};

}  // namespace sonde::gateway
