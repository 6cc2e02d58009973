// The connection of a run as its prober sees it: text both ways, in the clear or, from a moment on, within TLS. Bytes
// in, bytes out; the probe's thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "results/outcome.h"
#include "tls/client_context.h"
#include "tls/client_session.h"

namespace sonde::probes {

class CheckLink {
 public:
  enum class State : std::uint8_t { kPlain, kHandshaking, kSecure, kFailed };

  // From here on TLS, for this name or address. The context outlives it. REQUIRES: kPlain.
  void secure(const tls::ClientContext& context, const std::string& name);

  State state() const { return state_; }
  bool peer_closed() const { return peer_closed_; }                     // by TLS; it says no more
  const tls::ClientSession* session() const { return session_.get(); }  // null in the clear

  // Bytes of the peer, any number; what they say is appended to `text`. Nothing is heard after a failure.
  State hear(std::span<const std::byte> bytes, std::string& text);
  // FIN or RST. Fails where a handshake is under way.
  State end();
  // REQUIRES: no handshake is under way.
  void say(std::string_view text);
  // Of kSecure: says that nothing more comes.
  void close();
  // All that is to be sent; empty: nothing. Valid until it is called again.
  std::span<const std::byte> take_outgoing();

  // REQUIRES: kFailed.
  results::Outcome outcome() const;
  const char* error() const { return session_->error().c_str(); }

 private:
  void collect();

  std::unique_ptr<tls::ClientSession> session_;
  std::string waiting_;  // to be sent
  std::string sending_;  // was handed over last
  State state_ = State::kPlain;
  bool peer_closed_ = false;
};

}  // namespace sonde::probes
