#include "engine/name_cache.h"

namespace sonde::engine {

const NameFacts* NameCache::find(std::string_view host, Nanos now) {
  const auto found = by_host_.find(host);
  if (found == by_host_.end() || found->second->until <= now) return nullptr;
  found->second->asked = true;
  return &found->second->facts;
}

void NameCache::put(std::string_view host, const NameFacts& facts, Nanos now, Nanos until) {
  if (capacity_ == 0 || until <= now) return;
  const auto found = by_host_.find(host);
  Entry& entry = found != by_host_.end() ? *found->second : room(now);
  if (found == by_host_.end()) {
    entry.host.assign(host);
    by_host_.emplace(entry.host, &entry);
  }
  entry.facts = facts;
  entry.until = until;
  entry.asked = false;
}

// An entry that no name has.
NameCache::Entry& NameCache::room(Nanos now) {
  if (entries_.size() < capacity_) return entries_.emplace_back();
  for (;; hand_ = (hand_ + 1) % capacity_) {  // at most once around: then none is marked
    Entry& entry = entries_[hand_];
    if (entry.asked && entry.until > now) {
      entry.asked = false;
      continue;
    }
    hand_ = (hand_ + 1) % capacity_;
    by_host_.erase(entry.host);
    return entry;
  }
}

}  // namespace sonde::engine
