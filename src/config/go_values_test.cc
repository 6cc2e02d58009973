#include "config/go_values.h"

#include <gtest/gtest.h>

namespace sonde::config {
namespace {

TEST(GoValues, durations_of_go) {
  EXPECT_EQ(parse_go_duration("5s").value(), 5 * kSecond);
  EXPECT_EQ(parse_go_duration("1m30s").value(), 90 * kSecond);
  EXPECT_EQ(parse_go_duration("1.5h").value(), 5400 * kSecond);
  EXPECT_EQ(parse_go_duration(".5s").value(), 500 * kMillisecond);
  EXPECT_EQ(parse_go_duration("-3s").value(), -3 * kSecond);
  EXPECT_EQ(parse_go_duration("+3ms").value(), 3 * kMillisecond);
  EXPECT_EQ(parse_go_duration("7us").value(), 7000);
  EXPECT_EQ(parse_go_duration("7\xc2\xb5s").value(), 7000);
  EXPECT_EQ(parse_go_duration("7\xce\xbcs").value(), 7000);
  EXPECT_EQ(parse_go_duration("9ns").value(), 9);
  EXPECT_EQ(parse_go_duration("0").value(), 0);
  for (const char* text : {"", "5", "s", ".s", "5 s", "5S", "1d", "5s ", "-", "+", "--5s", "9223372037s", "5s5"})
    EXPECT_FALSE(parse_go_duration(text)) << text;
}

TEST(GoValues, spans_have_days_and_bounds) {
  EXPECT_EQ(parse_span("7d").value(), 7 * 86400 * kSecond);
  EXPECT_EQ(parse_span("1w2d").value(), 9 * 86400 * kSecond);
  EXPECT_EQ(parse_span("1y").value(), Nanos{365} * 86400 * kSecond);
  EXPECT_EQ(parse_span("500ms").value(), 500 * kMillisecond);
  for (const char* text : {"", "5", "0", "0s", "-1s", "11y", "7D", "300y"}) EXPECT_FALSE(parse_span(text)) << text;
}

TEST(GoValues, integers_of_go) {
  EXPECT_EQ(parse_go_integer("200"), 200);
  EXPECT_EQ(parse_go_integer("-5"), -5);
  EXPECT_EQ(parse_go_integer("+5"), 5);
  EXPECT_EQ(parse_go_integer("0"), 0);
  EXPECT_EQ(parse_go_integer("0xc8"), 200);
  EXPECT_EQ(parse_go_integer("0310"), 200);
  EXPECT_EQ(parse_go_integer("0o310"), 200);
  EXPECT_EQ(parse_go_integer("0b11"), 3);
  EXPECT_EQ(parse_go_integer("1_000"), 1000);
  EXPECT_EQ(parse_go_integer("200.7"), 200);
  EXPECT_EQ(parse_go_integer("2e2"), 200);
  EXPECT_EQ(parse_go_integer("9223372036854775807"), 9223372036854775807);
  for (const char* text :
       {"", "x", "2xx", "1e30", "9223372036854775808", "inf", "nan", "--5", "+-5", "0x", "1.2.3", "5s"})
    EXPECT_FALSE(parse_go_integer(text)) << text;
}

TEST(GoValues, sizes_are_powers_of_1024) {
  EXPECT_EQ(parse_go_size("10MB").value(), 10U << 20);
  EXPECT_EQ(parse_go_size("10MiB").value(), 10U << 20);
  EXPECT_EQ(parse_go_size("1.5KB").value(), 1536U);
  EXPECT_EQ(parse_go_size("1MB512KB").value(), (1U << 20) + (512U << 10));
  EXPECT_EQ(parse_go_size("7B").value(), 7U);
  EXPECT_EQ(parse_go_size("1EB").value(), std::uint64_t{1} << 60);
  EXPECT_EQ(parse_go_size("0").value(), 0U);
  EXPECT_EQ(parse_go_size("-1B").value(), 0U);
  for (const char* text : {"", "10", "10K", "10kb", "10 MB", "1MB1KiB", "9EB"})
    EXPECT_FALSE(parse_go_size(text)) << text;
}

}  // namespace
}  // namespace sonde::config
