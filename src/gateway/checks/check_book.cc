#include "gateway/checks/check_book.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sonde::gateway {
namespace {

using probes::CheckRun;
using results::Phase;

constexpr std::size_t kPiece = 256;  // checks that are looked at under one lock

CheckResult result_of(const CheckRun& run, CheckId id, Nanos lateness) {
  return {.id = id,
          .unix_time = run.ending.unix_time,
          .success = run.success,
          .outcome = run.ending.outcome,
          .phase = run.ending.phase,
          .cause = run.ending.cause,
          .error = run.ending.error,
          .timing_us = run.ending.timing_us,
          .lateness = lateness};
}

}  // namespace

void DurationCells::record(std::uint64_t us) {
  const auto cell = std::ranges::lower_bound(kDurationBounds, us) - kDurationBounds.begin();
  ++counts[static_cast<std::size_t>(cell)];
  sum_us += us;
}

void DurationCells::add(const DurationCells& others) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += others.counts[i];
  sum_us += others.sum_us;
}

void CheckBook::Counts::add(const Counts& others) {
  for (std::size_t i = 0; i < shed.size(); ++i) {
    shed[i] += others.shed[i];
    skipped[i] += others.skipped[i];
  }
  for (std::size_t i = 0; i < shown.size(); ++i) shown[i] += others.shown[i];
  local_faults += others.local_faults;
  waiting += others.waiting;
  ended += others.ended;
  lateness.add(others.lateness);
}

void CheckBook::change(std::vector<CheckPtr> put, const std::vector<CheckId>& removed, Nanos from,
                       std::shared_ptr<pacing::HybridLimiter> limiter) {
  bool others = false;  // than there were
  for (std::size_t at = 0; at < removed.size(); at += kPiece) {
    std::vector<Entry> gone;  // destroyed without the lock
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = at; i < std::min(at + kPiece, removed.size()); ++i) {
      const auto found = entries_.find(removed[i]);
      if (found == entries_.end()) continue;
      note(removed[i], found->second);
      --shown(found->second);
      gone.push_back(std::move(found->second));
      entries_.erase(found);
      if (queue_.remove(removed[i])) schedule_.done(removed[i]);
      schedule_.remove(removed[i]);
      others = true;
    }
  }
  for (std::size_t at = 0; at < put.size(); at += kPiece) {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = at; i < std::min(at + kPiece, put.size()); ++i) {
      const CheckId id = put[i]->id;
      const auto [found, fresh] = entries_.try_emplace(id);
      Entry& entry = found->second;
      if (fresh) {
        entry.state = CheckState(from + wall_offset_);
        ++shown(entry);
        order_is_old_ = true;
      }
      schedule_.put(id, put[i]->interval, put[i]->priority, from);
      entry.check.swap(put[i]);
      // After a reload most differ in nothing but their prober.
      if (!fresh && same_terms(*entry.check, *put[i])) continue;
      entry.terms = ++terms_;
      entry.ended = 0;
      note(id, entry);
      others = others || fresh;
    }
  }
  // Nobody else puts in or takes out: what is there may be read without the lock, which is too short for sorting.
  auto order = std::make_shared<std::vector<CheckId>>();
  if (others) {
    order->reserve(entries_.size());
    for (const auto& [id, entry] : entries_) order->push_back(id);
    std::ranges::sort(*order, [this](CheckId a, CheckId b) {
      const Check &left = *entries_.at(a).check, &right = *entries_.at(b).check;
      return std::tie(left.name, left.target, a) < std::tie(right.name, right.target, b);
    });
  }
  const std::scoped_lock lock(mutex_);
  if (others) order_ = std::move(order);
  order_is_old_ = false;
  queue_.change(limiter.get(), entries_.size());
  limiter_ = std::move(limiter);
}

// What another process knew of it.
bool CheckBook::take_over(CheckId id, Parsed<CheckState> state) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  if (!state) return true;
  Entry& entry = found->second;
  --shown(entry);
  entry.state = std::move(*state);
  ++shown(entry);
  entry.recent = {};
  if (const CheckResult* last = entry.state.last()) entry.recent.add(recent_code(*last));
  entry.terms = ++terms_;
  entry.ended = 0;
  note(id, entry);
  return true;
}

void CheckBook::restore(CheckId id, CheckState state) {
  const std::scoped_lock lock(mutex_);
  (void)take_over(id, std::move(state));
}

CheckView CheckBook::view(const Entry& entry) const {
  const Nanos next = schedule_.next_due(entry.check->id);
  return {.check = *entry.check,
          .state = entry.state,
          .runs = entry.runs,
          .successes = entry.successes,
          .next = next == kNever ? kNever : next + wall_offset_,
          .http_status = entry.http_status,
          .tls = entry.tls.get()};
}

void CheckBook::for_each(const std::function<void(const CheckView&)>& see) const {
  for (std::size_t at = 0;; at += kPiece) {
    const std::scoped_lock lock(mutex_);
    const std::size_t end = std::min(at + kPiece, order_->size());
    for (std::size_t i = at; i < end; ++i)
      if (const auto found = entries_.find((*order_)[i]); found != entries_.end()) see(view(found->second));
    if (end >= order_->size()) return;
  }
}

bool CheckBook::look(CheckId id, const std::function<void(const CheckView&)>& see) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  see(view(found->second));
  return true;
}

void CheckBook::hold(bool held) {
  const std::scoped_lock lock(mutex_);
  held_ = held;
}

HandedCheck CheckBook::handed(const Entry& entry) const {
  const CheckId id = entry.check->id;
  // A turn that waits for its start has not been begun.
  const Turn* waiting = queue_.find(id);
  return {.id = id,
          .interval = entry.check->interval,
          .next_due = waiting != nullptr ? waiting->due : schedule_.next_due(id),
          .running = entry.running,
          .state = entry.state.save()};
}

void CheckBook::for_each_handed(const std::function<void(HandedCheck)>& take) const {
  for (std::size_t at = 0;; at += kPiece) {
    std::vector<HandedCheck> piece;
    std::unique_lock lock(mutex_);
    const std::size_t end = std::min(at + kPiece, order_->size());
    for (std::size_t i = at; i < end; ++i)
      if (const auto found = entries_.find((*order_)[i]); found != entries_.end())
        piece.push_back(handed(found->second));
    const bool last = end >= order_->size();
    lock.unlock();
    for (HandedCheck& check : piece) take(std::move(check));
    if (last) return;
  }
}

std::optional<HandedCheck> CheckBook::handed(CheckId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return handed(found->second);
}

bool CheckBook::adopt(const HandedCheck& check, Nanos now) {
  const std::scoped_lock lock(mutex_);
  if (!take_over(check.id, CheckState::restore(check.state))) return false;
  schedule_.resume(check.id, check.interval, check.next_due, check.running, now);
  return true;
}

bool CheckBook::finish(const HandedCheck& check) {
  const std::scoped_lock lock(mutex_);
  if (!take_over(check.id, CheckState::restore(check.state))) return false;
  schedule_.done(check.id);
  return true;
}

CheckBook::Counts CheckBook::counts() const {
  const std::scoped_lock lock(mutex_);
  Counts counts = counts_;
  counts.shed = queue_.shed();
  counts.skipped = schedule_.skipped();
  counts.waiting = queue_.size();
  return counts;
}

void CheckBook::gather_lateness(Nanos now, metrics::Histogram& into) const {
  const std::scoped_lock lock(mutex_);
  recent_lateness_.gather(now, into);
}

std::unordered_map<std::string, EntryDurations> CheckBook::durations() const {
  const std::scoped_lock lock(mutex_);
  return durations_;
}

Nanos CheckBook::next_time(Nanos now) {
  const std::scoped_lock lock(mutex_);
  if (held_) return kNever;
  // What the worker had no room for starts when a run ends, which ends the worker's turn.
  return std::min(schedule_.next_due(), queue_.next_time(now, !full_));
}

void CheckBook::begin(Nanos now, Nanos unix_now, std::size_t room, const Start& start) {
  const std::scoped_lock lock(mutex_);
  wall_offset_ = unix_now - now;
  steady_now_ = now;
  schedule_.set_wall_offset(wall_offset_);
  if (held_) return;
  shed_.clear();
  // Before its next turn is taken, which would else find it busy.
  queue_.shed_late(now, shed_);
  for (const Turn& turn : shed_) schedule_.done(turn.id);
  shed_.clear();
  turns_.clear();
  schedule_.take_due(now, turns_);
  for (const Turn& turn : turns_) queue_.add(turn, now, shed_);
  for (const Turn& turn : shed_) schedule_.done(turn.id);
  full_ = false;
  for (; room > 0; --room) {
    const std::optional<Turn> turn = queue_.take(now);
    if (!turn) return;
    Entry& entry = entries_.at(turn->id);
    entry.running = true;
    auto run = std::make_unique<CheckRun>();
    run->prober = entry.check->prober;
    run->target = entry.check->target;
    run->timeout = entry.check->timeout;
    start(std::move(run),
          [this, check = entry.check, due = turn->due](std::unique_ptr<CheckRun> back) { ended(check, due, *back); });
  }
  full_ = queue_.size() > 0;
}

// What was seen before stays where a run brought no certificate: a target that is down has its own all the same.
void CheckBook::see_tls(const CheckRun& run, Entry& entry) {
  const probes::TlsSeen* seen = run.findings ? run.findings->tls_seen() : nullptr;
  if (seen == nullptr || !seen->chain) return;
  if (!entry.tls) entry.tls = std::make_unique<probes::TlsSeen>();
  *entry.tls = *seen;
}

void CheckBook::ended(const CheckPtr& check, Nanos due, const CheckRun& run) {
  const std::int32_t total_us = run.ending.timing_us[static_cast<std::size_t>(Phase::kDone)];
  std::optional<Transition> transition;
  CheckResult result;
  {
    const std::scoped_lock lock(mutex_);
    schedule_.done(check->id);
    const auto found = entries_.find(check->id);
    if (found == entries_.end()) return;  // removed meanwhile
    Entry& entry = found->second;
    entry.running = false;
    ++entry.ended;
    ++counts_.ended;
    const Nanos began = run.ending.unix_time - wall_offset_ - Nanos{std::max(total_us, 0)} * kMicrosecond;
    result = result_of(run, check->id, std::max<Nanos>(began - due, 0));
    const auto late_us = static_cast<std::uint64_t>(result.lateness / kMicrosecond);
    counts_.lateness.record(late_us);
    recent_lateness_.record(late_us, steady_now_);
    --shown(entry);
    transition = entry.state.apply(*entry.check, result, network_down_.load(std::memory_order_relaxed));
    ++shown(entry);
    entry.recent.add(recent_code(result));
    entry.http_status = run.http_status;
    see_tls(run, entry);
    note(check->id, entry);
    if (watched_ && transition && is_news(*transition)) {
      changes_.transitions.push_back(*transition);
      if (changes_.transitions.size() > kMostNoted) changes_.transitions.pop_front();
    }
    if (is_own_fault(result.outcome)) {
      ++counts_.local_faults;
    } else {
      ++entry.runs;
      if (result.success) ++entry.successes;
      EntryDurations& durations = durations_[check->name + '\n' + check->module];
      for (std::size_t phase = 0; phase < durations.size(); ++phase)
        if (result.timing_us[phase] >= 0) durations[phase].record(static_cast<std::uint64_t>(result.timing_us[phase]));
    }
  }
  listener_.on_result(*check, result, transition ? &*transition : nullptr);
}

}  // namespace sonde::gateway
