#include "probes/tls/full_handshake.h"

#include "wire/line.h"

namespace sonde::probes {

using results::Outcome;
using State = tls::ClientSession::State;
using Way = ThreeWays::Way;

FullHandshake::FullHandshake(const tls::ClientContext& context, const TlsOptions& options, std::string server_name,
                             std::string host, bool stays_open)
    : context_(context),
      options_(options),
      server_name_(std::move(server_name)),
      host_(std::move(host)),
      stays_open_(stays_open) {
  if (options.resumption) ways_.emplace();
}

std::span<const std::byte> FullHandshake::start(Nanos started, Nanos now) {
  const Way way = ways_ && first_ ? ways_->way() : Way::kFull;
  const tls::SavedSession* resume = way == Way::kFull ? nullptr : ways_->session();
  auto session = std::make_unique<tls::ClientSession>(
      context_, tls::SessionOptions{.server_name = server_name_, .resume = resume});
  session_ = session.get();
  (first_ ? resumed_ : first_) = std::move(session);
  opened_ = false;
  asked_ = false;
  if (ways_) ways_->begin(started, now);
  if (way == Way::kEarlyData && session_->early_data_left() >= request_.size() && !request_.empty())
    asked_ = session_->write_early(wire::as_bytes(request_)) == request_.size();
  return take_outgoing();
}

std::span<const std::byte> FullHandshake::take_outgoing() {
  const std::span<const std::byte> outgoing = session_->outgoing();
  sending_.assign(outgoing.begin(), outgoing.end());
  session_->sent(outgoing.size());
  return sending_;
}

FullHandshake::Progress FullHandshake::on_bytes(Nanos now, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), tls::ClientSession::kFeedMax));
    bytes = bytes.subspan(piece.size());
    const State state = session_->feed(piece);
    if (state == State::kFailed) {
      using Failure = tls::ClientSession::Failure;
      if (opened_) return leave(Outcome::kSuccess, {});  // the handshake was whole; what came behind it is not asked
      const Failure failure = session_->failure();
      return leave(failure == Failure::kNotTls   ? Outcome::kProtocolError
                   : failure == Failure::kClosed ? Outcome::kClosed
                   : failure == Failure::kLocal  ? Outcome::kLocalError
                                                 : Outcome::kTlsError,
                   session_->error());
    }
    if (state == State::kHandshaking) continue;
    if (!opened_) {
      opened_ = true;
      if (ways_) ways_->opened(now, session_->facts());
    }
    if (!ways_) return leave(Outcome::kSuccess, {});
    if (!session_->received().empty()) {
      ways_->answered(now);
      return leave(Outcome::kSuccess, {});
    }
    if (state == State::kClosed) return leave(Outcome::kSuccess, {});
  }
  return opened_ ? on_open() : send_outgoing();
}

// The handshake is done and the answer to the request is waited for.
FullHandshake::Progress FullHandshake::on_open() {
  const tls::Facts facts = session_->facts();
  if (request_.empty()) request_ = probing_request(options_.starttls, facts.alpn, host_);
  // 0-RTT was refused: the way was not open, and what would come now is another measure.
  if (asked_ && ways_->way() == Way::kEarlyData && facts.early_data != tls::EarlyData::kAccepted)
    return leave(Outcome::kSuccess, {});
  if (!asked_ && !request_.empty()) {
    asked_ = true;
    (void)session_->write(wire::as_bytes(request_));
  }
  return send_outgoing();
}

FullHandshake::Progress FullHandshake::send_outgoing() {
  const std::span<const std::byte> outgoing = take_outgoing();
  return {.kind = outgoing.empty() ? Progress::Kind::kMore : Progress::Kind::kSend, .bytes = outgoing, .error = {}};
}

FullHandshake::Progress FullHandshake::on_end(Outcome outcome) {
  if (opened_) return leave(Outcome::kSuccess, {});
  (void)session_->end_of_input();
  // A few bytes may have been too few to be known by, until nothing followed them.
  if (session_->failure() == tls::ClientSession::Failure::kNotTls)
    return leave(Outcome::kProtocolError, session_->error());
  return leave(outcome, {});
}

FullHandshake::Progress FullHandshake::leave(Outcome outcome, std::string error) {
  if (ways_) ways_->ended(*session_);
  if (stays_open_ && outcome == Outcome::kSuccess && is_open()) return {.kind = Progress::Kind::kDone, .error = {}};
  session_->close();
  return {.kind = Progress::Kind::kDone, .bytes = take_outgoing(), .outcome = outcome, .error = std::move(error)};
}

bool FullHandshake::prepare_next_way() {
  if (!ways_ || !ways_->session() || ways_->way() == Way::kEarlyData) return false;
  if (ways_->way() == Way::kPsk && ways_->session()->max_early_data() == 0) return false;
  ways_->choose(ways_->way() == Way::kFull ? Way::kPsk : Way::kEarlyData);
  return true;
}

TlsFindings FullHandshake::findings() const { return first_ ? findings_of(first_->facts()) : TlsFindings(); }

TlsFindings findings_of(const tls::Facts& facts) {
  TlsFindings found;
  found.version = facts.version;
  if (facts.alert) found.alert = facts.alert->number;
  if (facts.cipher == 0) return found;
  found.cipher = facts.cipher;
  if (facts.group != 0) found.group = facts.group;
  found.alpn = facts.alpn;
  found.hello_retry = facts.hello_retry;
  found.hello_version = facts.legacy_version;
  found.hello_extensions.assign(facts.extensions.begin(), facts.extensions.end());
  found.chain = facts.chain;
  if (facts.chain.empty()) return found;
  if (facts.all_told || facts.client_cert_requested) found.client_cert_requested = facts.client_cert_requested;
  if (facts.all_told || !facts.stapled_ocsp.empty()) found.ocsp_stapled = !facts.stapled_ocsp.empty();
  found.ocsp = facts.stapled_ocsp;
  found.scts = facts.scts;
  return found;
}

}  // namespace sonde::probes
