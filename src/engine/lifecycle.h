// The lifecycle of a connection, as a table that is checked on every move:
//
//   Init → Connecting → Connected (Accepted on a listener) → Handshaking → Active ⇄ Idle → Closing → Closed
//
// Active may go back to Handshaking: a dialogue in the clear (STARTTLS) ends in a TLS handshake, which has a budget of
// its own. Only Active may become Idle. Idle that has timed out never becomes Active again. Closing refuses new writes.
// A move that the table does not have is a bug: fatal in debug builds; in release it is counted, told with the
// connection's last states, and that connection alone is closed. Eight bytes inside the connection's slot.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace sonde::engine {

enum class State : std::uint8_t {
  kInit,
  kConnecting,
  kConnected,
  kAccepted,
  kHandshaking,
  kActive,
  kIdle,
  kClosing,
  kClosed,
};
inline constexpr std::array<std::string_view, 9> kStateNames = {
    "Init", "Connecting", "Connected", "Accepted", "Handshaking", "Active", "Idle", "Closing", "Closed"};
constexpr std::string_view name(State state) { return kStateNames[static_cast<std::size_t>(state)]; }

constexpr bool may_move(State from, State to) {
  constexpr auto bit = [](State state) { return 1U << static_cast<unsigned>(state); };
  constexpr unsigned kEnd = bit(State::kClosing) | bit(State::kClosed);
  constexpr std::array<unsigned, 9> kMoves = {
      /* Init        */ bit(State::kConnecting) | bit(State::kAccepted) | bit(State::kClosed),
      /* Connecting  */ bit(State::kConnected) | kEnd,
      /* Connected   */ bit(State::kHandshaking) | bit(State::kActive) | kEnd,
      /* Accepted    */ bit(State::kHandshaking) | bit(State::kActive) | kEnd,
      /* Handshaking */ bit(State::kActive) | kEnd,
      /* Active      */ bit(State::kHandshaking) | bit(State::kIdle) | kEnd,
      /* Idle        */ bit(State::kActive) | kEnd,
      /* Closing     */ bit(State::kClosed),
      /* Closed      */ 0,
  };
  return (kMoves[static_cast<std::size_t>(from)] & bit(to)) != 0;
}

// Where illegal moves are counted and told. One a shard.
class AuditLog {
 public:
  // fatal: abort on the first one.
  explicit AuditLog(bool fatal) : fatal_(fatal) {}
  void illegal_move(ConnectionId id, State to, std::string_view history);
  std::uint64_t illegal_moves() const { return illegal_moves_; }

 private:
  bool fatal_;
  std::uint64_t illegal_moves_ = 0;
};

class Lifecycle {
 public:
  State state() const { return state_; }
  bool accepts_writes() const { return state_ != State::kClosing && state_ != State::kClosed; }

  // False (and told to the log) when the table does not have the move; the state is then unchanged and the caller must
  // close the connection by force().
  bool move(State to, ConnectionId id, AuditLog& log) {
    const bool allowed = may_move(state_, to) && !(state_ == State::kIdle && idle_expired_ && to == State::kActive);
    if (!allowed) {
      log.illegal_move(id, to, history());
      return false;
    }
    enter(to);
    return true;
  }
  // REQUIRES: state() == kIdle.
  void expire_idle() { idle_expired_ = true; }
  // Ends a connection whose move was refused.
  void force_closed() { enter(State::kClosed); }

  // The last states, oldest first: "Init Connecting Connected Closing".
  std::string history() const;

 private:
  void enter(State to) {
    history_ = history_ << 4 | static_cast<std::uint32_t>(to);
    if (moves_ < 7) ++moves_;
    state_ = to;
  }

  std::uint32_t history_ = 0;  // four bits a state, the newest lowest
  std::uint8_t moves_ = 0;     // states in history_ beside the newest
  State state_ = State::kInit;
  bool idle_expired_ = false;
};

}  // namespace sonde::engine
