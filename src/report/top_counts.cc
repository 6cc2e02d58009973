#include "report/top_counts.h"

#include <algorithm>

namespace sonde::report {

std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  // Back over the rest of a character that the cut would split.
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void TopCounts::add(std::string_view name, std::uint64_t count) {
  name = cut(name);
  total_ += count;
  if (const auto found = counts_.find(name); found != counts_.end()) {
    found->second += count;
    return;
  }
  if (counts_.size() >= kMostNames) forget_half();
  counts_.emplace(name, count);
}

void TopCounts::merge(const TopCounts& other) {
  const std::uint64_t total = total_ + other.total_;
  for (const auto& [name, count] : other.counts_) add(name, count);
  total_ = total;
  forgot_ = forgot_ || other.forgot_;
}

std::vector<std::pair<std::string_view, std::uint64_t>> TopCounts::top(std::size_t most) const {
  std::vector<std::pair<std::string_view, std::uint64_t>> rows(counts_.begin(), counts_.end());
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(std::min(most, rows.size()));
  std::partial_sort(rows.begin(), end, rows.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  rows.erase(end, rows.end());
  return rows;
}

// One pass over all in as many additions as are forgotten: constant on the average.
void TopCounts::forget_half() {
  std::vector<std::uint64_t> counts;
  counts.reserve(counts_.size());
  for (const auto& entry : counts_) counts.push_back(entry.second);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  // Those below the median go, and of those at it as many as are needed for half.
  const auto below = static_cast<std::size_t>(
      std::count_if(counts.begin(), counts.end(), [median = *middle](std::uint64_t count) { return count < median; }));
  std::size_t at_median = counts.size() / 2 - below;
  std::erase_if(counts_, [&](const auto& entry) {
    if (entry.second != *middle) return entry.second < *middle;
    if (at_median == 0) return false;
    --at_median;
    return true;
  });
  forgot_ = true;
}

}  // namespace sonde::report
