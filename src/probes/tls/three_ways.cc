#include "probes/tls/three_ways.h"

#include <fmt/format.h>

#include "probes/tls/tls_fields.h"

namespace sonde::probes {
namespace {

std::string_view verdict(bool offered, std::optional<bool> accepted) {
  if (!offered) return "not_offered";
  return accepted.value_or(false) ? "accepted" : "rejected";  // also where the handshake failed for it
}

}  // namespace

void ThreeWays::begin(Nanos started, Nanos now) {
  leg() = {.started = started, .began = now, .opened = {}, .answered = {}};
  if (way_ == Way::kPsk) offered_session_ = session_.has_value();
  if (way_ == Way::kEarlyData) offered_early_data_ = session_ && session_->max_early_data() > 0;
}

void ThreeWays::opened(Nanos now, const tls::Facts& facts) {
  leg().opened = now;
  if (way_ == Way::kFull) alpn_ = facts.alpn;
  if (way_ == Way::kPsk) {
    resumed_ = facts.resumed;
    if (facts.resumed) resumed_alpn_ = facts.alpn;
  }
  if (way_ == Way::kEarlyData) early_data_accepted_ = facts.early_data == tls::EarlyData::kAccepted;
}

void ThreeWays::ended(tls::ClientSession& session) {
  if (way_ == Way::kFull) tickets_ = session.sessions_received();
  if (std::optional<tls::SavedSession> saved = session.take_session()) session_ = std::move(saved);
}

void ThreeWays::fill(std::span<results::Value> values) const {
  if (!leg(Way::kFull).opened) return;
  field(values, TlsField::kTickets) = std::int64_t{tickets_};
  field(values, TlsField::kPsk) = std::string(verdict(offered_session_, resumed_));
  field(values, TlsField::kEarlyData) = std::string(verdict(offered_early_data_, early_data_accepted_));
  if (resumed_alpn_ && !alpn_.empty()) field(values, TlsField::kAlpnKept) = *resumed_alpn_ == alpn_;
  for (const Way way : {Way::kFull, Way::kPsk, Way::kEarlyData}) {
    const Leg& leg = this->leg(way);
    // A way that was not gone: what was measured there was another.
    if (way == Way::kPsk && !resumed_.value_or(false)) continue;
    if (way == Way::kEarlyData && !early_data_accepted_.value_or(false)) continue;
    const auto first = static_cast<std::size_t>(TlsField::kFullTls) + 3 * static_cast<std::size_t>(way);
    if (!leg.opened) continue;
    values[first] = (*leg.opened - leg.began) / kMicrosecond;
    if (!leg.answered) continue;
    values[first + 1] = (*leg.answered - *leg.opened) / kMicrosecond;
    values[first + 2] = (*leg.answered - leg.started) / kMicrosecond;
  }
}

std::string probing_request(wire::StartTls protocol, std::string_view alpn, std::string_view host) {
  using enum wire::StartTls;
  switch (protocol) {
    case kNone:
      // The preface of HTTP/2 and empty SETTINGS (RFC 9113, 3.4).
      if (alpn == "h2") return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33);
      return fmt::format("GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: sonde\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                         host);
    case kImap:
      return "s1 NOOP\r\n";
    case kSmtp:
    case kFtp:
    case kPop3:
      return "NOOP\r\n";
    default:
      return {};
  }
}

}  // namespace sonde::probes
