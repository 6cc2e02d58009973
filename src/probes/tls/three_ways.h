// --resumption: one target three ways, each on a connection of its own: a full handshake, a resumed one (TLS 1.3 PSK,
// TLS 1.2 session), and one with the request in 0-RTT. Keeps the times and what the server agreed to. Pure: time is
// passed in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "results/record.h"
#include "tls/client_session.h"
#include "wire/starttls.h"

namespace sonde::probes {

class ThreeWays {
 public:
  enum class Way : std::uint8_t { kFull, kPsk, kEarlyData };

  Way way() const { return way_; }
  void choose(Way way) { way_ = way; }
  // A connection begins: `started` at its first act, its handshake at `now`.
  void begin(Nanos started, Nanos now);
  // The handshake is done.
  void opened(Nanos now, const tls::Facts& facts);
  // The answer's first byte came.
  void answered(Nanos now) { leg().answered = now; }
  // The connection of this way is over; sessions that the server gave.
  void ended(tls::ClientSession& session);

  // What the next way resumes; null when the server gave nothing.
  const tls::SavedSession* session() const { return session_ ? &*session_ : nullptr; }
  void fill(std::span<results::Value> values) const;

 private:
  struct Leg {
    Nanos started = 0, began = 0;
    std::optional<Nanos> opened, answered;
  };
  Leg& leg() { return legs_[static_cast<std::size_t>(way_)]; }
  const Leg& leg(Way way) const { return legs_[static_cast<std::size_t>(way)]; }

  Way way_ = Way::kFull;
  std::array<Leg, 3> legs_;
  std::optional<tls::SavedSession> session_;
  std::uint32_t tickets_ = 0;
  bool offered_session_ = false;
  bool offered_early_data_ = false;
  std::optional<bool> resumed_;
  std::optional<bool> early_data_accepted_;
  std::string alpn_;
  std::optional<std::string> resumed_alpn_;
};

// What is asked of the server behind the handshake, so that there is a first byte to wait for; empty: nothing fits.
std::string probing_request(wire::StartTls protocol, std::string_view alpn, std::string_view host);

}  // namespace sonde::probes
