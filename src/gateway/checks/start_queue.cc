#include "gateway/checks/start_queue.h"

#include <algorithm>

#include "base/check.h"

namespace sonde::gateway {
namespace {

std::size_t index(Priority priority) { return static_cast<std::size_t>(priority); }

// By priority.
constexpr std::array<pacing::Rank, kPriorityNames.size()> kRanks = {pacing::Rank::kHigh, pacing::Rank::kNormal,
                                                                    pacing::Rank::kLow};

}  // namespace

void StartQueue::add(const Turn& turn, Nanos now, std::vector<Turn>& shed) {
  Nanos ready = now;
  if (limiter_ != nullptr) {
    const pacing::HybridLimiter::Offer offer = limiter_->offer(kRanks[index(turn.priority)], now);
    if (offer.shed) {
      count_shed(turn, shed);
      return;
    }
    ready += offer.delay;
  }
  if (waiting_.size() >= most_) {
    std::size_t lowest = ready_.size() - 1;
    while (lowest > index(turn.priority) && ready_[lowest].empty()) --lowest;
    if (lowest == index(turn.priority)) {
      count_shed(turn, shed);
      return;
    }
    count_shed(extract(ready_[lowest].rbegin()->second), shed);
  }
  const bool alone = waiting_.emplace(turn.id, Waiting{.turn = turn, .ready = ready}).second;
  SONDE_CHECK(alone, "two turns of one check wait");
  ready_[index(turn.priority)].emplace(ready, turn.id);
  late_.emplace(turn.next_due, turn.id);
}

std::optional<Turn> StartQueue::take(Nanos now) {
  for (std::size_t priority = 0; priority < ready_.size(); ++priority) {
    const std::set<Place>& places = ready_[priority];
    if (places.empty() || places.begin()->first > now) continue;
    // Of a lower priority none starts either, while this one lacks a token.
    if (limiter_ != nullptr && !limiter_->take(kRanks[priority], now)) return std::nullopt;
    return extract(places.begin()->second);
  }
  return std::nullopt;
}

void StartQueue::shed_late(Nanos now, std::vector<Turn>& shed) {
  while (!late_.empty() && late_.begin()->first <= now) count_shed(extract(late_.begin()->second), shed);
}

const Turn* StartQueue::find(CheckId id) const {
  const auto found = waiting_.find(id);
  return found == waiting_.end() ? nullptr : &found->second.turn;
}

bool StartQueue::remove(CheckId id) {
  if (!waiting_.contains(id)) return false;
  extract(id);
  return true;
}

Nanos StartQueue::next_time(Nanos now, bool room) const {
  Nanos next = late_.empty() ? kNever : late_.begin()->first;
  if (!room) return next;
  for (std::size_t priority = 0; priority < ready_.size(); ++priority) {
    if (ready_[priority].empty()) continue;
    const Nanos ready = std::max(now, ready_[priority].begin()->first);
    next = std::min(next, limiter_ == nullptr ? ready : std::max(ready, limiter_->ready_at(kRanks[priority], now)));
  }
  return next;
}

void StartQueue::count_shed(const Turn& turn, std::vector<Turn>& shed) {
  ++shed_[index(turn.priority)];
  shed.push_back(turn);
}

Turn StartQueue::extract(CheckId id) {
  const auto found = waiting_.find(id);
  const Turn turn = found->second.turn;
  ready_[index(turn.priority)].erase({found->second.ready, id});
  late_.erase({turn.next_due, id});
  waiting_.erase(found);
  return turn;
}

}  // namespace sonde::gateway
