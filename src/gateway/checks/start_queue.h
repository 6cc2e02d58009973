// The turns of one worker that are due and wait for their start: for the limiter, or for room among what is in flight.
// Those of a higher priority start first, those of one priority in the order in which they may. What cannot start
// before its next turn is due is shed: counted, never taken for a failure of the target. One thread; pure: time is
// passed in, the steady clock's.
//
// A worker's loop:
//   queue.shed_late(now, shed), each to schedule.done(); schedule.take_due(now, due), each to queue.add();
//   while there is room: queue.take(now), start it; wait no longer than until queue.next_time(now, room) and
//   schedule.next_due().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/checks/schedule.h"
#include "pacing/hybrid_limiter.h"

namespace sonde::gateway {

class StartQueue {
 public:
  // limiter: null is none. most: turns that wait; each check has one at most, so their number suffices.
  StartQueue(pacing::HybridLimiter* limiter, std::size_t most) : limiter_(limiter), most_(most) {}

  // A reload: for what is added and taken from now on.
  void change(pacing::HybridLimiter* limiter, std::size_t most) {
    limiter_ = limiter;
    most_ = most;
  }
  // A turn that is due; of this check none waits (Schedule's done() was not called before). Appends to `shed` what has
  // no place: this turn by the limiter's tier; or where the queue is full, the latest of the lowest priority.
  void add(const Turn& turn, Nanos now, std::vector<Turn>& shed);
  // Takes the first that may start, and its token. None: nothing may, as yet.
  std::optional<Turn> take(Nanos now);
  // Appends those whose next turn is due, which are no longer here.
  void shed_late(Nanos now, std::vector<Turn>& shed);
  // A check that was removed; its turn is nobody's, and is not counted. False: none waits.
  bool remove(CheckId id);
  // The turn of a check that waits; null: none does.
  const Turn* find(CheckId id) const;
  // When shed_late(), or where there is room take(), may next have something; kNever: nothing waits.
  Nanos next_time(Nanos now, bool room) const;

  std::size_t size() const { return waiting_.size(); }
  const std::array<std::uint64_t, kPriorityNames.size()>& shed() const { return shed_; }

 private:
  using Place = std::pair<Nanos, CheckId>;  // when it may start, or is shed
  struct Waiting {
    Turn turn;
    Nanos ready = 0;  // behind the limiter's delay
  };
  void count_shed(const Turn& turn, std::vector<Turn>& shed);
  Turn extract(CheckId id);

  pacing::HybridLimiter* limiter_;
  std::size_t most_;
  std::unordered_map<CheckId, Waiting> waiting_;
  std::array<std::set<Place>, kPriorityNames.size()> ready_;  // by priority
  std::set<Place> late_;                                      // by the next turn
  std::array<std::uint64_t, kPriorityNames.size()> shed_{};
};

}  // namespace sonde::gateway
