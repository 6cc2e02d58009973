#include "gateway/checks/recent_lateness.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

metrics::Histogram at(const RecentLateness& late, Nanos now) {
  metrics::Histogram all;
  late.gather(now, all);
  return all;
}

TEST(RecentLatenessTest, what_is_older_than_a_minute_counts_no_more) {
  RecentLateness late;
  late.record(5'000, 3 * kSecond);
  for (int s = 30; s < 40; ++s) late.record(100, s * kSecond);
  EXPECT_EQ(at(late, 40 * kSecond).total(), 11U);
  EXPECT_EQ(at(late, 40 * kSecond).max(), 5'000U);
  EXPECT_EQ(at(late, 60 * kSecond).max(), 5'000U) << "57 s ago";
  EXPECT_EQ(at(late, 75 * kSecond).max(), 100U);
  EXPECT_EQ(at(late, 75 * kSecond).total(), 10U);
  EXPECT_EQ(at(late, 200 * kSecond).total(), 0U);
}

TEST(RecentLatenessTest, the_span_is_that_of_what_counts) {
  EXPECT_EQ(RecentLateness::span(200 * kSecond), RecentLateness::kSpan);
  EXPECT_EQ(RecentLateness::span(207 * kSecond), RecentLateness::kSpan + 7 * kSecond);
}

TEST(RecentLatenessTest, a_place_that_is_taken_again_begins_anew) {
  RecentLateness late;
  late.record(7, 0);
  late.record(9, 70 * kSecond);
  EXPECT_EQ(at(late, 70 * kSecond).total(), 1U);
  EXPECT_EQ(at(late, 70 * kSecond).max(), 9U);
}

}  // namespace
}  // namespace sonde::gateway
