// Records by the second in which they ended, in at most 300 steps: when more are needed, steps become twice as wide.
// Steps begin at multiples of their width, so series of any widths add up exactly. Of one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace sonde::report {

class RateSeries {
 public:
  static constexpr std::size_t kMostSteps = 300;

  struct Step {
    std::uint64_t records = 0;
    std::uint64_t successes = 0;
    bool operator==(const Step&) const = default;
  };

  // time_s: unix seconds, not negative.
  void add(std::int64_t time_s, bool success) { add(time_s, {.records = 1, .successes = success ? 1U : 0U}); }
  void merge(const RateSeries& other);

  std::int64_t start_s() const { return first_ << width_bits_; }
  std::uint32_t step_s() const { return std::uint32_t{1} << width_bits_; }
  const std::vector<Step>& steps() const { return steps_; }

 private:
  void add(std::int64_t time_s, const Step& counts);
  void coarsen();

  std::int64_t first_ = 0;   // number of the first step, in widths since 1970
  unsigned width_bits_ = 0;  // at most 31: times are bounded by year 9999
  std::vector<Step> steps_;
};

}  // namespace sonde::report
