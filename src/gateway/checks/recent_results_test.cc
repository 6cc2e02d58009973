#include "gateway/checks/recent_results.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sonde::gateway {
namespace {

TEST(RecentResultsTest, a_code_is_zero_for_a_failure_alone) {
  EXPECT_EQ(recent_code(false, 1'000), 0);
  EXPECT_EQ(recent_code(true, 0), 1);
  EXPECT_EQ(recent_code(true, -1), 1);
  EXPECT_EQ(recent_code(true, 10), 1);
  EXPECT_EQ(recent_code(true, 20), 11);
  EXPECT_EQ(recent_code(true, 1'000), 67);  // 1 + round(66.4)
  EXPECT_EQ(recent_code(true, INT32_MAX), 255);
}

TEST(RecentResultsTest, a_code_tells_its_duration_within_four_percent) {
  for (std::int32_t us = 20; us < 400'000'000; us += 1 + us / 7) {
    const double told = 10 * std::exp2((recent_code(true, us) - 1) / 10.0);
    EXPECT_NEAR(told / us, 1, 0.04) << us;
  }
}

TEST(RecentResultsTest, the_last_twenty_are_kept_oldest_first) {
  RecentResults recent;
  EXPECT_TRUE(recent.bytes().empty());
  for (std::uint8_t code = 1; code <= 3; ++code) recent.add(code);
  EXPECT_EQ(recent.bytes(), "\1\2\3");
  for (std::uint8_t code = 4; code <= 25; ++code) recent.add(code);
  ASSERT_EQ(recent.bytes().size(), RecentResults::kMost);
  EXPECT_EQ(recent.bytes().front(), 6);
  EXPECT_EQ(recent.bytes().back(), 25);
}

}  // namespace
}  // namespace sonde::gateway
