// The bytes of one accepted connection: a non-blocking socket, in the clear or under TLS. It never waits: it says what
// to wait for. The descriptor is its owner's.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "gateway/options.h"

namespace sonde::gateway {

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContext = std::shared_ptr<SSL_CTX>;

// TLS 1.2 and later, ALPN http/1.1. The error names the file.
Parsed<TlsContext> make_server_tls(const ServerTls& files);

class Transport {
 public:
  enum class Next : std::uint8_t { kDone, kRead, kWrite, kOver };  // kRead, kWrite: wait until that can be done
  struct Moved {
    std::size_t bytes = 0;
    Next next = Next::kDone;  // kOver: FIN, RST, or broken TLS
  };

  Transport() = default;
  // `context` null: in the clear.
  Transport(int fd, SSL_CTX* context);

  bool is_tls() const { return session_ != nullptr; }
  bool is_shaken() const { return !session_ || SSL_is_init_finished(session_.get()); }
  Next handshake();
  Moved read(std::span<char> room);
  // Head and body, as much as goes.
  Moved write(std::string_view head, std::string_view body);
  // At most about that many bytes wait in the kernel before the network takes them: beyond it write() says kWrite.
  void bound_unsent(int bytes) const;
  // Says that no more comes: close_notify, FIN. The other direction stays.
  void finish();
  // Reads and forgets, below TLS; kRead: there may come more.
  Next discard(std::span<char> room);

 private:
  Next next_of(int result);

  int fd_ = -1;
  std::unique_ptr<SSL, FreeTls> session_;
};

}  // namespace sonde::gateway
