// A query and its answer over a stream: TCP (RFC 7766), or TLS (RFC 7858) above it. Bytes in, bytes out; the probe's
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/ring_pool.h"
#include "results/outcome.h"
#include "tls/client_session.h"

namespace sonde::probes {

class DnsStream {
 public:
  struct Progress {
    enum class Kind : std::uint8_t {
      kMore,     // `bytes`, if any, are to be sent; then what comes is waited for
      kMessage,  // `bytes` is a message of the peer; on_bytes({}) asks for the next
      kFailed,
    };
    Kind kind = Kind::kMore;
    std::span<const std::byte> bytes;  // valid until the next call
    results::Outcome outcome = results::Outcome::kProtocolError;
    const char* error = "";  // valid as long as the stream
  };

  // context: of TLS, null for TCP; outlives it. query: without the length before it.
  DnsStream(const tls::ClientContext* context, const tls::SessionOptions& session, std::span<const std::byte> query);

  Progress start();
  Progress on_bytes(memory::RingPool& pool, std::span<const std::byte> bytes);
  bool handshaking() const { return session_ && session_->state() == tls::ClientSession::State::kHandshaking; }
  std::uint16_t tls_version() const { return session_ ? session_->facts().version : 0; }
  // The last bytes to send: TLS says that it is done.
  std::span<const std::byte> farewell();

 private:
  static constexpr std::size_t kMostBytes = std::size_t{256} << 10;  // of a peer, whatever it says

  Progress failure();
  std::span<const std::byte> take_outgoing();
  Progress next_message();
  void keep(memory::RingPool& pool, std::span<const std::byte> bytes);

  std::unique_ptr<tls::ClientSession> session_;  // null: TCP
  std::vector<std::byte> query_;                 // behind its length
  std::vector<std::byte> sending_;
  memory::Lease kept_;
  std::size_t size_ = 0;   // bytes kept
  std::size_t given_ = 0;  // of them, that were told
  std::size_t total_ = 0;
  bool asked_ = false;
};

}  // namespace sonde::probes
