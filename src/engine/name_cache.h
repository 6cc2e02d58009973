// What is known of names, each for as long as it holds. Bounded: when it is full, one that was not asked for of late
// gives its place (a clock hand passes over those that were). Owned by a resolver; time is passed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "results/outcome.h"

namespace sonde::engine {

// How the look-up of a name ended.
struct NameFacts {
  results::Outcome outcome = results::Outcome::kSuccess;
  const char* error = "";            // a literal
  std::vector<IpAddress> addresses;  // in order of preference; empty unless it is a success
};

class NameCache {
 public:
  explicit NameCache(std::size_t capacity) : capacity_(capacity) {}

  // Null: not known, or no longer. Valid until the next put().
  const NameFacts* find(std::string_view host, Nanos now);
  // Holds before `until`. What is known of the name so far is replaced.
  void put(std::string_view host, const NameFacts& facts, Nanos now, Nanos until);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string host;
    NameFacts facts;
    Nanos until = 0;
    bool asked = false;  // since the hand came by
  };
  Entry& room(Nanos now);

  std::size_t capacity_;
  std::size_t hand_ = 0;
  std::deque<Entry> entries_;                             // whose addresses stay
  std::unordered_map<std::string_view, Entry*> by_host_;  // keys borrow from entries_
};

}  // namespace sonde::engine
