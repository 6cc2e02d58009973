#include "gateway/checks/schedule.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kSlipShare = 10;  // of an interval, by which a turn may come early or late to follow the wall clock

// Of `value` by `modulus`, never negative.
Nanos remainder_of(Nanos value, Nanos modulus) {
  const Nanos rest = value % modulus;
  return rest < 0 ? rest + modulus : rest;
}

}  // namespace

// Mixed once more: the id is a hash, but of whose making is not known here.
Nanos phase_of(CheckId id, Nanos interval) {
  return static_cast<Nanos>(mix64(id) % static_cast<std::uint64_t>(interval));
}

Nanos Schedule::first_due(CheckId id, Nanos interval, Nanos from) const {
  return from + remainder_of(phase_of(id, interval) - (from + wall_offset_), interval);
}

// The turn behind the one at `due`: the place by the phase that is nearest to an interval later, if it is near enough.
Nanos Schedule::following(CheckId id, const Entry& entry) const {
  const Nanos regular = entry.due + entry.interval;
  const Nanos nearest = first_due(id, entry.interval, regular - entry.interval / 2);
  const Nanos slip = entry.interval / kSlipShare;
  return std::clamp(nearest, regular - slip, regular + slip);
}

void Schedule::put(CheckId id, Nanos interval, Priority priority, Nanos from) {
  SONDE_CHECK(interval > 0, "a check without an interval is never due");
  Entry& entry = entries_[id];
  entry.priority = priority;
  if (entry.due != kNever && entry.interval == interval) return;
  if (entry.due != kNever) timers_.erase({entry.due, id});
  entry.interval = interval;
  entry.due = first_due(id, interval, from);
  timers_.emplace(entry.due, id);
}

void Schedule::resume(CheckId id, Nanos interval, Nanos due, bool busy, Nanos now) {
  SONDE_CHECK(contains(id), "a check goes on that is not there");
  Entry& entry = entries_.at(id);
  const bool near = due > now - 2 * entry.interval && due < now + 2 * entry.interval;
  timers_.erase({entry.due, id});
  entry.due = near && interval == entry.interval ? due : first_due(id, entry.interval, now);
  entry.busy = busy;
  timers_.emplace(entry.due, id);
}

bool Schedule::remove(CheckId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.due == kNever) return false;
  timers_.erase({found->second.due, id});
  found->second.due = kNever;
  if (!found->second.busy) entries_.erase(found);
  return true;
}

bool Schedule::contains(CheckId id) const { return next_due(id) != kNever; }

Nanos Schedule::next_due(CheckId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? kNever : found->second.due;
}

void Schedule::take_due(Nanos now, std::vector<Turn>& out) {
  while (next_due() <= now) {
    auto timer = timers_.extract(timers_.begin());
    const CheckId id = timer.value().second;
    Entry& entry = entries_.at(id);
    const Nanos due = entry.due;
    std::uint64_t& skipped = skipped_[static_cast<std::size_t>(entry.priority)];
    if (now - due >= entry.interval) {
      entry.due = first_due(id, entry.interval, now + 1);
      skipped += static_cast<std::uint64_t>((entry.due - due) / entry.interval);
    } else {
      entry.due = following(id, entry);
      if (entry.busy) {
        ++skipped;
      } else {
        entry.busy = true;
        out.push_back({.id = id, .due = due, .next_due = entry.due, .priority = entry.priority});
      }
    }
    timer.value().first = entry.due;
    timers_.insert(std::move(timer));
  }
}

void Schedule::done(CheckId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.busy = false;
  if (found->second.due == kNever) entries_.erase(found);
}

}  // namespace sonde::gateway
