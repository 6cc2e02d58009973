#include "gateway/time_text.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

TEST(TimeText, TakesUnixSecondsAndRfc3339) {
  EXPECT_EQ(parse_time("0"), 0);
  EXPECT_EQ(parse_time("1700000000"), 1'700'000'000 * kSecond);
  EXPECT_EQ(parse_time("1700000000.25"), 1'700'000'000 * kSecond + 250 * kMillisecond);
  EXPECT_EQ(parse_time("1970-01-02T00:00:00Z"), 86'400 * kSecond);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z"), 1'700'000'000 * kSecond);
  EXPECT_EQ(parse_time("2023-11-14T23:13:20.5+01:00"), 1'700'000'000 * kSecond + 500 * kMillisecond);
  EXPECT_EQ(parse_time("2024-02-29t00:00:00z"), 1'709'164'800 * kSecond);
  for (const char* bad : {"", "-1", "now", "1.", "1e9", "99999999999", "2023-02-29T00:00:00Z", "2023-11-14T22:13:20",
                          "2023-11-14T24:13:20Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+0100", "1700000000 "})
    EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
}

TEST(TimeText, TakesSteps) {
  EXPECT_EQ(parse_step("15"), 15 * kSecond);
  EXPECT_EQ(parse_step("5m"), 300 * kSecond);
  EXPECT_EQ(parse_step("1d"), 86'400 * kSecond);
  for (const char* bad : {"", "0", "-5", "1.5", "5x", "400d", "99999999999999999999"})
    EXPECT_EQ(parse_step(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace sonde::gateway
