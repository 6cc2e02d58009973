// How a probe ended, as data. Names are the contract's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sonde::results {

enum class Outcome : std::uint8_t {
  kSuccess,
  kRefused,  // RST to the SYN
  kTimeout,
  kReset,        // RST later
  kClosed,       // FIN before the answer was whole
  kUnreachable,  // ICMP or no route
  kDnsError,
  kTlsError,
  kProtocolError,
  kLocalError,  // this machine's fault, never the target's state
  kBlocked,     // excluded
  kCancelled,   // cut by the user or a limit
};
inline constexpr std::array<std::string_view, 12> kOutcomeNames = {
    "success",   "refused",   "timeout",        "reset",       "closed",  "unreachable",
    "dns_error", "tls_error", "protocol_error", "local_error", "blocked", "cancelled"};
constexpr std::string_view name(Outcome outcome) { return kOutcomeNames[static_cast<std::size_t>(outcome)]; }

// Where a probe ended, and the keys of timing_us (kDone is the total).
enum class Phase : std::uint8_t { kDns, kConnect, kTls, kWrite, kFirstByte, kRead, kDone };
inline constexpr std::array<std::string_view, 7> kPhaseNames = {"dns",        "connect", "tls", "write",
                                                                "first_byte", "read",    "done"};
constexpr std::string_view name(Phase phase) { return kPhaseNames[static_cast<std::size_t>(phase)]; }

// Why a timeout came, as far as this side's kernel knows.
enum class Cause : std::uint8_t {
  kNone,            // no timeout, or nobody asked
  kSynUnanswered,   // no handshake
  kRequestUnacked,  // what was sent was not acknowledged
  kAckedNoReply,    // connected, all that was sent (if anything) arrived, and nothing came back
  kPartialReply,    // the reply stopped before it was whole
  kZeroWindow,      // the peer's host is there, but its program takes nothing more
};
inline constexpr std::array<std::string_view, 6> kCauseNames = {
    "", "syn_unanswered", "request_unacked", "acked_no_reply", "partial_reply", "zero_window"};
constexpr std::string_view name(Cause cause) { return kCauseNames[static_cast<std::size_t>(cause)]; }

}  // namespace sonde::results
