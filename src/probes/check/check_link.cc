#include "probes/check/check_link.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "probes/check/tls_samples.h"
#include "wire/line.h"

namespace sonde::probes {

using Session = tls::ClientSession;

void CheckLink::secure(const tls::ClientContext& context, const std::string& name) {
  SONDE_CHECK(state_ == State::kPlain, "TLS begins once");
  session_ = std::make_unique<Session>(context,
                                       tls::SessionOptions{.server_name = server_name_for(name), .verify_name = name});
  state_ = State::kHandshaking;
  collect();
}

CheckLink::State CheckLink::hear(std::span<const std::byte> bytes, std::string& text) {
  if (!session_) text += wire::as_text(bytes);
  while (session_ && state_ != State::kFailed && !bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), Session::kFeedMax));
    bytes = bytes.subspan(piece.size());
    const Session::State state = session_->feed(piece);
    const std::span<const std::byte> received = session_->received();
    text += wire::as_text(received);
    session_->taken(received.size());
    collect();
    peer_closed_ = state == Session::State::kClosed;
    if (state == Session::State::kFailed) state_ = State::kFailed;
    if (state == Session::State::kOpen || peer_closed_) state_ = State::kSecure;
  }
  return state_;
}

CheckLink::State CheckLink::end() {
  if (session_ && state_ != State::kFailed && session_->end_of_input() == Session::State::kFailed)
    state_ = State::kFailed;
  peer_closed_ = true;
  return state_;
}

void CheckLink::say(std::string_view text) {
  if (!session_) waiting_ += text;
  while (session_ && !text.empty()) {
    const std::size_t taken = session_->write(wire::as_bytes(text));
    collect();
    if (taken == 0) return;  // it is closed
    text.remove_prefix(taken);
  }
}

void CheckLink::close() {
  if (!session_) return;
  session_->close();
  collect();
}

std::span<const std::byte> CheckLink::take_outgoing() {
  sending_ = std::exchange(waiting_, {});
  return wire::as_bytes(sending_);
}

results::Outcome CheckLink::outcome() const {
  using results::Outcome;
  switch (session_->failure()) {
    case Session::Failure::kNotTls:
      return Outcome::kProtocolError;
    case Session::Failure::kClosed:
      return Outcome::kClosed;
    case Session::Failure::kLocal:
      return Outcome::kLocalError;
    default:
      return Outcome::kTlsError;
  }
}

// Moves what the session has to send: it takes no more text while it is full.
void CheckLink::collect() {
  const std::span<const std::byte> outgoing = session_->outgoing();
  waiting_ += wire::as_text(outgoing);
  session_->sent(outgoing.size());
}

}  // namespace sonde::probes
