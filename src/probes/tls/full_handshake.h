// The full engine of the tls probe: a handshake that OpenSSL completes, and, with --resumption, the request behind it
// and two further connections that resume its session. Bytes in, bytes out; the probe's thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "probes/tls/lean_handshake.h"
#include "probes/tls/three_ways.h"
#include "probes/tls/tls_options.h"
#include "results/outcome.h"
#include "tls/client_session.h"

namespace sonde::probes {

class FullHandshake {
 public:
  struct Progress {
    enum class Kind : std::uint8_t { kMore, kSend, kDone };
    Kind kind = Kind::kMore;
    std::span<const std::byte> bytes;  // kSend; kDone: the farewell. Valid until the next call
    results::Outcome outcome = results::Outcome::kSuccess;
    std::string error;
  };

  // context and options outlive it. host: for the request. stays_open: the session is for another to go on with.
  FullHandshake(const tls::ClientContext& context, const TlsOptions& options, std::string server_name, std::string host,
                bool stays_open);

  // A connection is there; gives the first bytes to send.
  std::span<const std::byte> start(Nanos started, Nanos now);
  Progress on_bytes(Nanos now, std::span<const std::byte> bytes);
  // FIN, RST or a deadline. Behind the handshake that is no failure.
  Progress on_end(results::Outcome outcome);
  bool is_open() const { return session_->state() == tls::ClientSession::State::kOpen; }

  // After kDone: whether another connection is to be made, the next way to resume.
  bool prepare_next_way();

  TlsFindings findings() const;  // of the first connection
  // REQUIRES: stays_open, and the handshake was done. Nothing else may be asked then.
  std::unique_ptr<tls::ClientSession> release() { return std::move(first_); }
  void fill(std::span<results::Value> values) const {
    if (ways_) ways_->fill(values);
  }

 private:
  std::span<const std::byte> take_outgoing();
  Progress leave(results::Outcome outcome, std::string error);
  Progress on_open();
  Progress send_outgoing();

  const tls::ClientContext& context_;
  const TlsOptions& options_;
  std::string server_name_;
  std::string host_;
  std::unique_ptr<tls::ClientSession> first_;    // kept for what it showed
  std::unique_ptr<tls::ClientSession> resumed_;  // of the later ways
  tls::ClientSession* session_ = nullptr;        // the present one
  std::optional<ThreeWays> ways_;
  std::string request_;
  std::vector<std::byte> sending_;
  bool stays_open_;
  bool opened_ = false;  // the present one was seen open
  bool asked_ = false;   // the request is on its way
};

// What a session showed, in the terms of the lean engine.
TlsFindings findings_of(const tls::Facts& facts);

}  // namespace sonde::probes
