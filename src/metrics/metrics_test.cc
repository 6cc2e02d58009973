#include <gtest/gtest.h>

#include "metrics/counter.h"
#include "metrics/histogram.h"

namespace sonde::metrics {
namespace {

TEST(Histogram, quantiles_of_a_uniform_run_are_within_a_step) {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100'000; ++i) histogram.record(i);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999})
    EXPECT_NEAR(static_cast<double>(histogram.quantile(q)), q * 100'000, q * 100'000 * 0.033 + 1) << q;
  EXPECT_EQ(histogram.quantile(1), 100'000U);
  EXPECT_EQ(histogram.max(), 100'000U);
}

TEST(Histogram, small_values_are_exact_and_huge_ones_stay_in_the_last_step) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0U);
  for (int i = 0; i < 10; ++i) histogram.record(7);
  EXPECT_EQ(histogram.quantile(0.5), 7U);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max(), UINT64_MAX);
}

TEST(Histogram, merging_is_recording_both) {
  Histogram a, b, both;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).record(i * i);
    both.record(i * i);
  }
  a.merge(b);
  for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(a.quantile(q), both.quantile(q));
  EXPECT_EQ(a.total(), both.total());
}

TEST(Counter, adds_and_sets) {
  Counter counter;
  counter.add();
  counter.add(4);
  EXPECT_EQ(counter.value(), 5U);
  counter.set(2);
  EXPECT_EQ(counter.value(), 2U);
}

}  // namespace
}  // namespace sonde::metrics
