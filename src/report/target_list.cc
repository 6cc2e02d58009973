#include "report/target_list.h"

#include <algorithm>
#include <tuple>

#include "report/top_counts.h"

namespace sonde::report {

NamedTarget name_target(const RecordFacts& facts, std::uint64_t score, std::string_view reason) {
  const std::int64_t total = facts.timing_us[static_cast<std::size_t>(results::Phase::kDone)];
  return {.score = score,
          .ip = facts.ip,
          .port = facts.port,
          .host = std::string(cut(facts.host)),
          .probe = std::string(cut(facts.probe, 32)),
          .total_us = total < 0 ? 0 : static_cast<std::uint64_t>(total),
          .reason = std::string(cut(reason))};
}

bool comes_before(const NamedTarget& a, const NamedTarget& b) {
  if (a.score != b.score) return a.score > b.score;
  return std::tie(a.ip, a.port, a.host, a.probe, a.reason, a.total_us) <
         std::tie(b.ip, b.port, b.host, b.probe, b.reason, b.total_us);
}

void TargetList::add(NamedTarget target) {
  const auto place = std::upper_bound(targets_.begin(), targets_.end(), target, comes_before);
  if (place == targets_.end() && targets_.size() >= most_) return;
  targets_.insert(place, std::move(target));
  if (targets_.size() > most_) targets_.pop_back();
}

void TargetList::merge(const TargetList& other) {
  for (const NamedTarget& target : other.targets_) add(target);
}

}  // namespace sonde::report
