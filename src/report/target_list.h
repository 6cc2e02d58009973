// Targets that a report names: the first few of an order that is total, so that merged lists are the list of the whole,
// whatever order the records came in. Of one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/record_facts.h"

namespace sonde::report {

struct NamedTarget {
  std::uint64_t score = 0;  // higher is first
  IpAddress ip;
  std::uint16_t port = 0;
  std::string host;
  std::string probe;
  std::uint64_t total_us = 0;
  std::string reason;

  bool operator==(const NamedTarget&) const = default;
};

NamedTarget name_target(const RecordFacts& facts, std::uint64_t score, std::string_view reason);

// Whether `a` stands before `b`.
bool comes_before(const NamedTarget& a, const NamedTarget& b);

class TargetList {
 public:
  explicit TargetList(std::size_t most) : most_(most) {}

  // Whether a target of that score could have a place: asked before its texts are made.
  bool wants(std::uint64_t score, const IpAddress& ip) const {
    if (targets_.size() < most_) return true;
    const NamedTarget& last = targets_.back();
    return score > last.score || (score == last.score && ip <= last.ip);
  }
  void add(NamedTarget target);
  void merge(const TargetList& other);
  const std::vector<NamedTarget>& targets() const { return targets_; }

 private:
  std::size_t most_;
  std::vector<NamedTarget> targets_;  // in order
};

}  // namespace sonde::report
