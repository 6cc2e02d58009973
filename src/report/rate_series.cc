#include "report/rate_series.h"

#include <algorithm>

namespace sonde::report {

void RateSeries::merge(const RateSeries& other) {
  while (width_bits_ < other.width_bits_) coarsen();
  for (std::size_t i = 0; i < other.steps_.size(); ++i)
    if (other.steps_[i].records > 0)
      add((other.first_ + static_cast<std::int64_t>(i)) << other.width_bits_, other.steps_[i]);
}

void RateSeries::add(std::int64_t time_s, const Step& counts) {
  if (steps_.empty()) {
    first_ = time_s >> width_bits_;
    steps_.resize(1);
  }
  for (;; coarsen()) {
    const std::int64_t step = time_s >> width_bits_;
    const std::int64_t first = std::min(first_, step);
    const std::int64_t last = std::max(first_ + static_cast<std::int64_t>(steps_.size()) - 1, step);
    if (last - first >= static_cast<std::int64_t>(kMostSteps)) continue;
    steps_.insert(steps_.begin(), static_cast<std::size_t>(first_ - first), Step{});
    first_ = first;
    steps_.resize(static_cast<std::size_t>(last - first + 1));
    Step& here = steps_[static_cast<std::size_t>(step - first)];
    here.records += counts.records;
    here.successes += counts.successes;
    return;
  }
}

void RateSeries::coarsen() {
  const std::int64_t first = first_ >> 1;
  std::vector<Step> wide;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto at = static_cast<std::size_t>(((first_ + static_cast<std::int64_t>(i)) >> 1) - first);
    wide.resize(std::max(wide.size(), at + 1));
    wide[at].records += steps_[i].records;
    wide[at].successes += steps_[i].successes;
  }
  first_ = first;
  ++width_bits_;
  steps_ = std::move(wide);
}

}  // namespace sonde::report
