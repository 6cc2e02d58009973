#include "engine/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace sonde::engine {
namespace {

void make_empty(TimerNode& list) { list.previous = list.next = &list; }
bool is_empty(const TimerNode& list) { return list.next == &list; }

void append(TimerNode& list, TimerNode& node) {
  node.previous = list.previous;
  node.next = &list;
  list.previous->next = &node;
  list.previous = &node;
}

void unlink(TimerNode& node) {
  node.previous->next = node.next;
  node.next->previous = node.previous;
  node.previous = node.next = nullptr;
}

}  // namespace

TimerWheel::TimerWheel(Nanos now) : current_(static_cast<std::uint64_t>(now / kTick)) {
  make_empty(due_);
  for (TimerNode& list : slots_) make_empty(list);
}

TimerNode& TimerWheel::slot(unsigned level, std::uint64_t tick) {
  if (level == 0) return slots_[tick % kFirstSlots];
  return slots_[kFirstSlots + (level - 1) * kLevelSlots + (tick >> shift_of(level)) % kLevelSlots];
}

void TimerWheel::arm(TimerNode& node, Nanos deadline) {
  if (node.armed()) {
    unlink(node);
  } else {
    ++armed_;
  }
  const auto tick = static_cast<std::uint64_t>(deadline / kTick) + (deadline % kTick != 0 ? 1 : 0);
  node.tick = std::min(tick, current_ + kSpan - 1);
  place(node);
}

void TimerWheel::cancel(TimerNode& node) {
  if (!node.armed()) return;
  unlink(node);
  --armed_;
}

// Puts the node into the level whose slots are fine enough for its distance.
void TimerWheel::place(TimerNode& node) {
  if (node.tick <= current_) {
    append(due_, node);
    return;
  }
  const std::uint64_t distance = node.tick - current_;
  if (distance < kFirstSlots) {
    append(slot(0, node.tick), node);
    occupied_[node.tick % kFirstSlots / 64] |= std::uint64_t{1} << (node.tick % 64);
    return;
  }
  unsigned level = 1;
  while (level + 1 < kLevels && distance >= std::uint64_t{1} << shift_of(level + 1)) ++level;
  append(slot(level, node.tick), node);
}

// Called when current_ reached a multiple of level 0's span: pours the slots whose time has come one level down or
// more.
void TimerWheel::cascade() {
  for (unsigned level = 1; level < kLevels; ++level) {
    TimerNode& list = slot(level, current_);
    while (!is_empty(list)) {
      TimerNode& node = *list.next;
      unlink(node);
      place(node);
    }
    if ((current_ >> shift_of(level)) % kLevelSlots != 0) return;
  }
}

void TimerWheel::move_to_due(TimerNode& list) {
  while (!is_empty(list)) {
    TimerNode& node = *list.next;
    unlink(node);
    append(due_, node);
  }
}

TimerNode* TimerWheel::pop_expired(Nanos now) {
  const auto target = static_cast<std::uint64_t>(now / kTick);
  while (is_empty(due_) && current_ < target) {
    // To the next occupied tick, the end of this turn of level 0, or the target, whichever comes first.
    const std::uint64_t boundary = (current_ / kFirstSlots + 1) * kFirstSlots;
    const auto next = static_cast<std::uint64_t>(std::min<Nanos>(next_due(), kNever - kTick) / kTick);
    current_ = std::min({std::max(next, current_ + 1), boundary, target});
    if (current_ % kFirstSlots == 0) cascade();
    const std::uint64_t index = current_ % kFirstSlots;
    move_to_due(slots_[index]);
    occupied_[index / 64] &= ~(std::uint64_t{1} << (index % 64));
  }
  if (is_empty(due_)) return nullptr;
  TimerNode& node = *due_.next;
  unlink(node);
  --armed_;
  return &node;
}

Nanos TimerWheel::next_due() const {
  if (!is_empty(due_)) return static_cast<Nanos>(current_) * kTick;
  if (armed_ == 0) return kNever;
  // Level 0 up to the end of its turn; what lies behind may still be on a coarser level, so the end itself is the
  // answer then.
  const std::uint64_t boundary = (current_ / kFirstSlots + 1) * kFirstSlots;
  std::uint64_t tick = current_ + 1;
  while (tick < boundary) {
    const std::uint64_t word = occupied_[tick % kFirstSlots / 64] >> (tick % 64);
    if (word != 0) return static_cast<Nanos>(tick + static_cast<std::uint64_t>(std::countr_zero(word))) * kTick;
    tick = (tick / 64 + 1) * 64;
  }
  return static_cast<Nanos>(boundary) * kTick;
}

}  // namespace sonde::engine
