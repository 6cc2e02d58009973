#include "gateway/history/history_reader.h"

#include <algorithm>
#include <map>

namespace sonde::gateway {
namespace {

HistoryPoint point_of(Nanos unix_time, const Rollup& rollup) {
  HistoryPoint point{.unix_time = unix_time, .count = rollup.count, .success = rollup.success};
  point.timed = rollup.phases[static_cast<std::size_t>(results::Phase::kDone)].runs;
  point.min_us = rollup.min_us;
  point.p50_us = rollup.quantile_us(0.5);
  point.p99_us = rollup.quantile_us(0.99);
  point.max_us = rollup.max_us;
  for (std::size_t i = 0; i < kPhases; ++i) point.timing_us[i] = rollup.mean_us(i);
  return point;
}

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

// Gathers results and roll-ups of a range into the points of an answer.
class HistoryReader::Gathering {
 public:
  explicit Gathering(const HistoryRange& range) : range_(range) {}

  void add(const CheckResult& result) {
    if (range_.step > 0) return steps_[floor_div(result.unix_time, range_.step)].add(result);
    Rollup one;
    one.add(result);
    HistoryPoint& point = raw_.emplace_back(point_of(result.unix_time, one));
    if (result.success) return;
    point.outcome = result.outcome;
    point.phase = result.phase;
    point.cause = result.cause;
  }

  void add(Nanos unix_time, const Rollup& rollup) {
    if (range_.step > 0) return steps_[floor_div(unix_time, range_.step)].merge(rollup);
    raw_.push_back(point_of(unix_time, rollup));
  }

  void add_packed(std::string_view packed, std::int64_t from_us, std::int64_t to_us) {
    CheckResult result;
    std::int64_t unix_us = 0;
    while (unpack(packed, unix_us, result))
      if (unix_us >= from_us && unix_us <= to_us) add(result);
  }

  std::vector<HistoryPoint> points() {
    for (const auto& [index, rollup] : steps_) raw_.push_back(point_of(index * range_.step, rollup));
    std::ranges::sort(raw_, {}, &HistoryPoint::unix_time);  // a check's runs end one by one
    if (raw_.size() > kMostPoints) raw_.erase(raw_.begin(), raw_.end() - kMostPoints);
    return std::move(raw_);
  }

 private:
  const HistoryRange& range_;
  std::vector<HistoryPoint> raw_;
  std::map<std::int64_t, Rollup> steps_;
};

namespace {

// The widest points that make up the step exactly.
Tier tier_for(Nanos step) {
  const std::int64_t step_us = step / kMicrosecond;
  for (const Tier tier : {kHours, kMinutes})
    if (step_us > 0 && step_us % kTierShapes[tier].width_us == 0) return tier;
  return kResults;
}

}  // namespace

HistoryReader::HistoryReader(Database& database)
    : database_(database),
      begin_(database, "BEGIN"),
      end_(database, "COMMIT"),
      spans_(database,
             "SELECT span FROM spans WHERE tier = ? AND to_us >= ? AND from_us <= ? AND points > 0 ORDER BY span"),
      thinned_(database, "SELECT to_us FROM thinned WHERE tier = ?"),
      rows_(database, "SELECT packed FROM points WHERE tier = ? AND span = ? AND check_id = ?"),
      transitions_(database,
                   "SELECT unix_ns, old, new, cause FROM transitions WHERE check_id = ? ORDER BY number DESC LIMIT ?"),
      reloads_(database, "SELECT unix_ns, ok, hash, error FROM reloads ORDER BY number DESC LIMIT ?"),
      states_(database, "SELECT check_id, state FROM states") {}

bool HistoryReader::begin() {
  // The snapshot is that of the first read.
  if (!begin_.run()) return false;
  if (thinned_.with(std::int64_t{0}).row()) thinned_.end();
  return !database_.failed();
}

void HistoryReader::end() { (void)end_.run(); }

std::vector<HistoryPoint> HistoryReader::points(CheckId id, const HistoryRange& range,
                                                const std::vector<std::string>& recent) {
  Gathering gathering(range);
  for (const std::string& packed : recent)
    gathering.add_packed(packed, range.from / kMicrosecond, range.to / kMicrosecond);

  // A tier answers back to where it is thinned out, up to a whole point of the next one, which answers before.
  std::int64_t to_us = range.to / kMicrosecond;
  const std::int64_t from_us = range.from / kMicrosecond;
  for (std::int64_t tier = tier_for(range.step); tier < kTiers && to_us >= from_us; ++tier) {
    std::int64_t begin_us = from_us;
    if (tier + 1 < kTiers && thinned_.with(tier).row()) {
      const std::int64_t wider = kTierShapes[tier + 1].width_us;
      begin_us = std::max(from_us, (floor_div(thinned_.integer(0), wider) + 1) * wider);
      thinned_.end();
    }
    gather(id, tier, begin_us, to_us, gathering);
    to_us = begin_us - 1;
  }
  return gathering.points();
}

void HistoryReader::gather(CheckId id, std::int64_t tier, std::int64_t from_us, std::int64_t to_us, Gathering& into) {
  const auto [width, per_row] = kTierShapes[tier];
  std::vector<std::int64_t> spans;
  spans_.with(tier, from_us, to_us);
  while (spans_.row()) spans.push_back(spans_.integer(0));
  for (const std::int64_t span : spans) {
    if (!rows_.with(tier, span, key_of(id)).row()) continue;
    std::string_view bytes = rows_.bytes(0);
    if (tier == kResults) {
      into.add_packed(bytes, from_us, to_us);
    } else {
      std::uint32_t index = 0;
      Rollup rollup;
      while (unpack(bytes, index, rollup)) {
        const std::int64_t start_us = (span * per_row + index) * width;
        if (start_us + width > from_us && start_us <= to_us) into.add(start_us * kMicrosecond, rollup);
      }
    }
    rows_.end();
  }
}

std::vector<Transition> HistoryReader::transitions(CheckId id, std::size_t most) {
  std::vector<Transition> all;
  transitions_.with(key_of(id), static_cast<std::int64_t>(most));
  while (transitions_.row())
    all.push_back({.id = id,
                   .unix_time = transitions_.integer(0),
                   .from = std::string(transitions_.bytes(1)),
                   .to = std::string(transitions_.bytes(2)),
                   .cause = std::string(transitions_.bytes(3))});
  std::ranges::reverse(all);
  return all;
}

std::vector<Reload> HistoryReader::reloads(std::size_t most) {
  std::vector<Reload> all;
  reloads_.with(static_cast<std::int64_t>(most));
  while (reloads_.row())
    all.push_back({.unix_time = reloads_.integer(0),
                   .ok = reloads_.integer(1) != 0,
                   .hash = std::string(reloads_.bytes(2)),
                   .error = std::string(reloads_.bytes(3))});
  std::ranges::reverse(all);
  return all;
}

std::vector<std::pair<CheckId, std::string>> HistoryReader::states() {
  std::vector<std::pair<CheckId, std::string>> all;
  while (states_.row()) all.emplace_back(static_cast<CheckId>(states_.integer(0)), states_.bytes(1));
  return all;
}

}  // namespace sonde::gateway
