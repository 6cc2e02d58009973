// Deadlines of all connections of a shard: a hierarchical timing wheel (Varghese & Lauck 1987, scheme 7), 1 ms ticks,
// arming and cancelling O(1), no allocation: the links live in the connection's slot. Chosen because nearly every
// deadline is cancelled, so what must be cheap is to arm and to cancel; a heap would pay its logarithm for timers that
// never fire.
//
// Level 0 holds the next 256 ticks one slot a tick; four further levels of 64 slots hold what is farther, and are
// poured down a level when their turn comes. A deadline fires in the first tick that is not before it: never early,
// less than a tick late.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace sonde::engine {

struct TimerNode {
  TimerNode* previous = nullptr;  // null: not armed
  TimerNode* next = nullptr;
  std::uint64_t tick = 0;
  bool armed() const { return previous != nullptr; }
};

class TimerWheel {
 public:
  static constexpr Nanos kTick = kMillisecond;

  explicit TimerWheel(Nanos now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms (or moves) the node. A deadline that has passed is due at once. The node must stay where it is while armed.
  void arm(TimerNode& node, Nanos deadline);
  void cancel(TimerNode& node);

  // Takes out one node that is due at `now`, in order of its tick; nullptr when there is none. Handlers may arm and
  // cancel.
  TimerNode* pop_expired(Nanos now);

  // No node is due before it; kNever when none is armed.
  Nanos next_due() const;
  std::size_t armed() const { return armed_; }

 private:
  static constexpr unsigned kFirstBits = 8;
  static constexpr unsigned kLevelBits = 6;
  static constexpr unsigned kLevels = 5;
  static constexpr std::size_t kFirstSlots = 1U << kFirstBits;
  static constexpr std::size_t kLevelSlots = 1U << kLevelBits;
  static constexpr std::uint64_t kSpan = std::uint64_t{1}
                                         << (kFirstBits + kLevelBits * (kLevels - 1));  // ticks: 49 days

  static constexpr unsigned shift_of(unsigned level) { return kFirstBits + kLevelBits * (level - 1); }
  TimerNode& slot(unsigned level, std::uint64_t tick);
  void place(TimerNode& node);
  void cascade();
  void move_to_due(TimerNode& list);

  std::uint64_t current_;  // ticks up to and including it have been handled
  std::size_t armed_ = 0;
  TimerNode due_;
  std::array<TimerNode, kFirstSlots + kLevelSlots*(kLevels - 1)> slots_;
  std::array<std::uint64_t, kFirstSlots / 64>
      occupied_{};  // level 0: a bit may be set for a slot that was emptied since
};

}  // namespace sonde::engine
