#include "gateway/stream/stream_mirror.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace sonde::gateway {
namespace {

// What makes a group, as one text.
std::string key_of(const Check& check) {
  std::string key;
  const auto add = [&key](std::string_view part) { (key += std::to_string(part.size())).append(":").append(part); };
  add(check.name);
  add(check.module);
  for (const auto& [name, value] : check.labels) {
    add(name);
    add(value);
  }
  return key + '/' + std::to_string(check.interval) + '/' + std::string(name(check.priority));
}

}  // namespace

StreamMirror::StreamMirror(std::span<const std::unique_ptr<CheckBook>> books, MirrorOptions options, Nanos since)
    : books_(books), options_(options), since_(since) {
  for (const std::unique_ptr<CheckBook>& book : books_) {
    orders_.push_back(book->watch());
    unfilled_ += orders_.back()->size();
  }
}

StreamMirror::~StreamMirror() {
  for (const std::unique_ptr<CheckBook>& book : books_) book->unwatch();
}

bool StreamMirror::take_changes() {
  std::vector<Transition> fresh;
  for (const std::unique_ptr<CheckBook>& book : books_) {
    CheckBook::Changes changes = book->take_changes();
    if (changes.lost) return false;
    looked_.clear();
    book->look(changes.ids, looked_);
    for (WatchedCheck& check : looked_) apply(std::move(check));
    // In the order of time, those of one moment in the order of the books.
    std::vector<Transition> merged;
    merged.reserve(fresh.size() + changes.transitions.size());
    std::merge(std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()),
               std::make_move_iterator(changes.transitions.begin()), std::make_move_iterator(changes.transitions.end()),
               std::back_inserter(merged),
               [](const Transition& a, const Transition& b) { return a.unix_time < b.unix_time; });
    fresh = std::move(merged);
  }
  transitions_told_ += fresh.size();
  transitions_.insert(transitions_.end(), std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()));
  if (transitions_.size() > options_.most_transitions)
    transitions_.erase(transitions_.begin(),
                       transitions_.end() - static_cast<std::ptrdiff_t>(options_.most_transitions));
  return true;
}

void StreamMirror::fill(std::size_t slots) {
  while (!filled() && places_.size() < slots) {
    const std::vector<CheckId>& order = *orders_[next_book_];
    const std::size_t count = std::min(slots - places_.size(), order.size() - next_check_);
    looked_.clear();
    books_[next_book_]->look(std::span(order).subspan(next_check_, count), looked_, since_, &before_);
    for (WatchedCheck& check : looked_) apply(std::move(check));
    if (before_.size() > 8 * options_.most_transitions) keep_newest(before_);
    unfilled_ -= count;
    next_check_ += count;
    if (next_check_ < order.size()) continue;
    orders_[next_book_].reset();
    next_check_ = 0;
    ++next_book_;
    if (filled()) end_filling();
  }
}

// What came while it was filled may be among what was filled in, too.
void StreamMirror::end_filling() {
  transitions_.insert(transitions_.end(), std::make_move_iterator(before_.begin()),
                      std::make_move_iterator(before_.end()));
  before_ = {};
  const auto place = [](const Transition& of) { return std::tie(of.unix_time, of.id); };
  std::ranges::sort(transitions_, {}, place);
  const auto [first, last] = std::ranges::unique(transitions_, {}, place);
  transitions_.erase(first, last);
  keep_newest(transitions_);
  std::ranges::sort(transitions_, {}, place);
  transitions_told_ = transitions_.size();
}

void StreamMirror::keep_newest(std::vector<Transition>& transitions) const {
  if (transitions.size() <= options_.most_transitions) return;
  const auto bound = transitions.begin() + static_cast<std::ptrdiff_t>(options_.most_transitions);
  std::ranges::nth_element(transitions, bound, std::ranges::greater(), &Transition::unix_time);
  transitions.erase(bound, transitions.end());
}

void StreamMirror::apply(WatchedCheck fresh) {
  if (!fresh.check) return remove(fresh.id);
  const auto found = by_id_.find(fresh.id);
  const bool is_new = found == by_id_.end();
  if (!is_new) {
    const WatchedCheck& known = places_[found->second].known;
    if (known.terms == fresh.terms && known.ended == fresh.ended) return;
  }
  Slot slot = is_new ? kNone : found->second;
  if (is_new) {
    if (free_.empty()) {
      slot = static_cast<Slot>(places_.size());
      places_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    by_id_.emplace(fresh.id, slot);
  } else {
    unlink(slot);
  }
  ++number_;
  Place& place = places_[slot];
  if (is_new || place.known.terms != fresh.terms) {
    const std::uint32_t left = std::exchange(place.group, join_group(fresh.check));
    if (left != 0) leave_group(left);
    place.terms = place.before = place.result = number_;
  } else {
    place.before = fresh.ended - place.known.ended > 1 ? number_ : place.result;
    place.result = number_;
  }
  place.known = std::move(fresh);
  place.number = number_;
  put_first(slot);
}

void StreamMirror::remove(CheckId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const Slot slot = found->second;
  by_id_.erase(found);
  unlink(slot);
  leave_group(places_[slot].group);
  places_[slot] = {};
  free_.push_back(slot);
  removed_.push_back({.number = ++number_, .id = id});
  if (removed_.size() <= options_.most_removed) return;
  forgotten_ = removed_.front().number;
  removed_.pop_front();
}

void StreamMirror::put_first(Slot slot) {
  Place& place = places_[slot];
  place.newer = kNone;
  place.older = newest_;
  if (newest_ != kNone) places_[newest_].newer = slot;
  newest_ = slot;
}

void StreamMirror::unlink(Slot slot) {
  const Place& place = places_[slot];
  (place.newer == kNone ? newest_ : places_[place.newer].older) = place.older;
  if (place.older != kNone) places_[place.older].newer = place.newer;
}

std::uint32_t StreamMirror::join_group(const CheckPtr& check) {
  const auto [found, fresh] = group_of_key_.try_emplace(key_of(*check), last_group_ + 1);
  if (fresh) groups_.emplace(++last_group_, Group{.of = check});
  ++groups_.at(found->second).checks;
  return found->second;
}

// One that comes again has another index: whoever has not seen it since must be told.
void StreamMirror::leave_group(std::uint32_t index) {
  const auto found = groups_.find(index);
  if (--found->second.checks > 0) return;
  group_of_key_.erase(key_of(*found->second.of));
  groups_.erase(found);
}

const StreamMirror::Place* StreamMirror::find(CheckId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &places_[found->second];
}

std::vector<StreamMirror::Slot> StreamMirror::changed_behind(std::uint64_t number) const {
  std::vector<Slot> slots;
  for (Slot slot = newest_; slot != kNone && places_[slot].number > number; slot = places_[slot].older)
    slots.push_back(slot);
  std::ranges::reverse(slots);
  return slots;
}

std::vector<CheckId> StreamMirror::removed(std::uint64_t number, std::uint64_t last) const {
  std::vector<CheckId> ids;
  auto from = std::ranges::upper_bound(removed_, number, {}, &Removed::number);
  for (; from != removed_.end() && from->number <= last; ++from) ids.push_back(from->id);
  return ids;
}

std::span<const Transition> StreamMirror::transitions_behind(std::uint64_t told) const {
  const std::uint64_t wanted = std::min<std::uint64_t>(transitions_told_ - told, transitions_.size());
  return std::span(transitions_).last(static_cast<std::size_t>(wanted));
}

}  // namespace sonde::gateway
