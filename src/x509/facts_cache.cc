#include "x509/facts_cache.h"

#include <utility>

#include "base/check.h"

namespace sonde::x509 {

CachedChain* FactsCache::pin(const ChainKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  pin(*found->second);
  return found->second;
}

void FactsCache::pin(CachedChain& chain) {
  if (chain.pins++ == 0) pinned_.splice(pinned_.begin(), idle_, chain.self);
}

CachedChain& FactsCache::insert(const ChainKey& key) {
  CachedChain& chain = pinned_.emplace_front();
  chain.key = key;
  chain.self = pinned_.begin();
  chain.pins = 1;
  CachedChain*& place = by_key_[key];
  if (CachedChain* before = std::exchange(place, &chain); before != nullptr) {
    before->findable = false;
    if (before->pins == 0) erase(*before, idle_);
  }
  return chain;
}

void FactsCache::unpin(CachedChain& chain) {
  SONDE_CHECK(chain.pins > 0, "a chain is unpinned more often than pinned");
  if (--chain.pins > 0) return;
  if (!chain.findable || (!chain.facts && !chain.leaf_key)) return erase(chain, pinned_);
  idle_.splice(idle_.begin(), pinned_, chain.self);
  shrink();
}

void FactsCache::set_facts(CachedChain& chain, std::unique_ptr<const ChainFacts> facts) {
  SONDE_CHECK(chain.pins > 0 && !chain.facts, "facts for a chain that nobody asked about");
  bytes_ += facts->bytes();
  chain.facts = std::move(facts);
  shrink();
}

void FactsCache::erase(CachedChain& chain, std::list<CachedChain>& from) {
  if (chain.facts) bytes_ -= chain.facts->bytes();
  if (chain.findable) by_key_.erase(chain.key);
  from.erase(chain.self);
}

void FactsCache::shrink() {
  while (!idle_.empty() && (by_key_.size() > max_entries_ || bytes_ > max_bytes_)) erase(idle_.back(), idle_);
}

}  // namespace sonde::x509
