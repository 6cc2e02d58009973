// When the checks of one worker are due. A check's turns lie where the wall clock is congruent to its phase, modulo its
// interval; the phase is a hash of its id. So checks are spread evenly, and the same after a restart, a reload or on
// another machine. One thread; pure: time is passed in, of a clock that never steps (the "steady" one). The wall clock
// is known as its distance from that.
//
// Rules:
//  - A check runs at most once at a time: a turn that comes while the one before is not done() is skipped and counted.
//  - A step of the wall clock moves no turn by itself. From one turn to the next is then an interval, a tenth shorter
//    or longer, until the phase fits again: after at most five turns. Nobody bursts, nobody starves, and the checks
//    keep their distances from each other.
//  - A turn that is late by a whole interval (the process was stopped, the machine asleep) is missed, and counted as
//    skipped; the next comes within an interval, by the phase, so that not all of them come at once.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "gateway/checks/check.h"

namespace sonde::gateway {

// One turn of one check. Its lateness is its start less `due`.
struct Turn {
  CheckId id = 0;
  Nanos due = 0;       // steady clock, as all times here
  Nanos next_due = 0;  // what has not started by then is shed
  Priority priority = Priority::kNormal;
};

// Where in the interval its turns lie: 0 … interval − 1, of the wall clock's nanoseconds since 1970. REQUIRES: interval
// > 0.
Nanos phase_of(CheckId id, Nanos interval);

class Schedule {
 public:
  // wall_offset: the wall clock less the steady one.
  explicit Schedule(Nanos wall_offset) : wall_offset_(wall_offset) {}

  // To be told now and then, say every second.
  void set_wall_offset(Nanos wall_offset) { wall_offset_ = wall_offset; }

  // Its first turn is the first that is not before `from`, the present. One that is there already keeps its timer; with
  // another interval, its turns begin anew as if it were added. REQUIRES: interval > 0.
  void put(CheckId id, Nanos interval, Priority priority, Nanos from);
  // Goes on where a predecessor was, with the turn that is the next there. While `busy` a run of it goes on, until
  // done(). The turn is by the phase, as if it were added, where the predecessor's interval was another, or where the
  // turn is two intervals away from `now`. REQUIRES: it is there.
  void resume(CheckId id, Nanos interval, Nanos due, bool busy, Nanos now);
  // False: there is none. A run that goes on is remembered until done(), so that a check that comes back waits for it.
  bool remove(CheckId id);
  bool contains(CheckId id) const;
  std::size_t size() const { return timers_.size(); }  // without those that were removed

  // When the next turn is due; kNever: none is.
  Nanos next_due() const { return timers_.empty() ? kNever : timers_.begin()->first; }
  // Of a check: its next turn, kNever if there is no such check.
  Nanos next_due(CheckId id) const;
  // Appends the turns that are due, in the order of their due times. Each is to be started or shed, and then done().
  void take_due(Nanos now, std::vector<Turn>& out);
  // The run has ended, or the turn was shed.
  void done(CheckId id);

  // Turns that were skipped because the check still ran, or that nobody took for an interval; by priority.
  const std::array<std::uint64_t, kPriorityNames.size()>& skipped() const { return skipped_; }

 private:
  struct Entry {
    Nanos interval = 0;
    Nanos due = kNever;  // kNever: removed, but its run goes on
    Priority priority = Priority::kNormal;
    bool busy = false;
  };
  Nanos first_due(CheckId id, Nanos interval, Nanos from) const;
  Nanos following(CheckId id, const Entry& entry) const;

  Nanos wall_offset_;
  std::unordered_map<CheckId, Entry> entries_;
  std::set<std::pair<Nanos, CheckId>> timers_;  // by due time, of those that are not removed
  std::array<std::uint64_t, kPriorityNames.size()> skipped_{};
};

}  // namespace sonde::gateway
