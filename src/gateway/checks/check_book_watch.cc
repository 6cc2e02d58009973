// How a book is watched: changes are noted as ids, and what is known of each is copied later, in pieces. So the worker
// pays a push of eight bytes for a change, nothing where nobody watches, and never waits for more than a piece.
#include <algorithm>
#include <utility>

#include "gateway/checks/check_book.h"

namespace sonde::gateway {
namespace {

constexpr std::size_t kPiece = 64;  // checks that are copied under one lock

}  // namespace

void CheckBook::note(CheckId id, Entry& entry) {
  if (!watched_ || entry.noted == watch_) return;
  entry.noted = watch_;
  changes_.ids.push_back(id);
  // A check that is there is noted once; those that came and went add up while nobody takes them.
  if (changes_.ids.size() <= 2 * entries_.size() + kMostNoted) return;
  changes_ = {.ids = {}, .transitions = {}, .lost = true};
  watched_ = false;
}

std::shared_ptr<const std::vector<CheckId>> CheckBook::watch() {
  const std::scoped_lock lock(mutex_);
  watched_ = true;
  ++watch_;
  changes_ = {.ids = {}, .transitions = {}, .lost = order_is_old_};
  return order_;
}

void CheckBook::unwatch() {
  Changes gone;  // destroyed without the lock
  const std::scoped_lock lock(mutex_);
  watched_ = false;
  std::swap(gone, changes_);
}

CheckBook::Changes CheckBook::take_changes() {
  Changes fresh;
  const std::scoped_lock lock(mutex_);
  ++watch_;
  return std::exchange(changes_, std::move(fresh));
}

WatchedCheck CheckBook::watched(const Entry& entry) {
  WatchedCheck out{.id = entry.check->id,
                   .check = entry.check,
                   .terms = entry.terms,
                   .ended = entry.ended,
                   .shown = entry.state.shown(),
                   .since = entry.state.since(),
                   .failure = nullptr,
                   .recent = entry.recent};
  const CheckResult* last = entry.state.last();
  if (last == nullptr) return out;
  out.last = last->unix_time;
  out.success = last->success;
  out.duration_us =
      static_cast<std::uint32_t>(std::max(last->timing_us[static_cast<std::size_t>(results::Phase::kDone)], 0));
  if (!last->success)
    out.failure = std::make_shared<const WatchedCheck::Failure>(last->outcome, last->phase, last->cause, last->error);
  return out;
}

void CheckBook::look(std::span<const CheckId> ids, std::vector<WatchedCheck>& out, Nanos since,
                     std::vector<Transition>* transitions) const {
  out.reserve(out.size() + ids.size());
  for (std::size_t at = 0; at < ids.size(); at += kPiece) {
    const std::scoped_lock lock(mutex_);
    for (const CheckId id : ids.subspan(at, std::min(kPiece, ids.size() - at))) {
      const auto found = entries_.find(id);
      if (found == entries_.end()) {
        out.push_back({.id = id, .check = nullptr, .failure = nullptr, .recent = {}});
        continue;
      }
      out.push_back(watched(found->second));
      if (transitions == nullptr || found->second.state.since() <= since) continue;
      for (Transition& transition : found->second.state.transitions(id))
        if (transition.unix_time > since && is_news(transition)) transitions->push_back(std::move(transition));
    }
  }
}

}  // namespace sonde::gateway
