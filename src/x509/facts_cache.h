// Facts of chains by key, bounded in number and in bytes; the least recently used goes first. What is pinned stays
// whatever the bounds say: it is bounded by those who pin. One thread uses it; entries do not move while they live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "x509/chain.h"
#include "x509/chain_facts.h"
#include "x509/signature.h"

namespace sonde::x509 {

struct CachedChain {
  ChainKey key{};
  std::unique_ptr<const ChainFacts> facts;  // null: not known yet
  PublicKey leaf_key;                       // an inspection thread's; empty at a desk
  std::uint32_t pins = 0;
  bool findable = true;  // false: another entry took its place; it goes with its last pin
  std::list<CachedChain>::iterator self;
};

class FactsCache {
 public:
  FactsCache(std::size_t max_entries, std::size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}
  FactsCache(const FactsCache&) = delete;
  FactsCache& operator=(const FactsCache&) = delete;

  // Null when there is none; otherwise pinned once more.
  CachedChain* pin(const ChainKey& key);
  void pin(CachedChain& chain);
  // A fresh entry, pinned once, in place of the one that may be there.
  CachedChain& insert(const ChainKey& key);
  // REQUIRES: pinned. May end the entry, or others; one that nothing is known about ends with its last pin.
  void unpin(CachedChain& chain);
  // REQUIRES: pinned, without facts.
  void set_facts(CachedChain& chain, std::unique_ptr<const ChainFacts> facts);

  std::size_t size() const { return by_key_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  void erase(CachedChain& chain, std::list<CachedChain>& from);
  void shrink();

  std::size_t max_entries_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;          // of all facts
  std::list<CachedChain> idle_;    // not pinned, the most recently used first
  std::list<CachedChain> pinned_;  // in no order
  std::unordered_map<ChainKey, CachedChain*, ChainKeyHash> by_key_;
};

}  // namespace sonde::x509
