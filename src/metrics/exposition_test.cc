#include "metrics/exposition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sonde::metrics {
namespace {

std::string written(Samples samples) {
  std::string out;
  write_exposition(samples, out);
  return out;
}

// What strconv.FormatFloat(x, 'g', -1, 64) gives.
TEST(Exposition, numbers_are_as_go_writes_them) {
  const struct {
    double value;
    const char* text;
  } kCases[] = {{0, "0"},
                {1, "1"},
                {-1, "-1"},
                {0.25, "0.25"},
                {0.1, "0.1"},
                {1.0 / 3, "0.3333333333333333"},
                {100000, "100000"},
                {999999, "999999"},
                {1000000, "1e+06"},
                {1234567, "1.234567e+06"},
                {123456.789, "123456.789"},
                {1.7e9, "1.7e+09"},
                {2130706433, "2.130706433e+09"},
                {-62135596800, "-6.21355968e+10"},
                {0.0001, "0.0001"},
                {0.00012345, "0.00012345"},
                {0.00001, "1e-05"},
                {0.000071234, "7.1234e-05"},
                {1e100, "1e+100"},
                {5e-324, "5e-324"},
                {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
                {std::numeric_limits<double>::infinity(), "+Inf"},
                {-std::numeric_limits<double>::infinity(), "-Inf"},
                {std::nan(""), "NaN"}};
  for (const auto& [value, text] : kCases) EXPECT_EQ(number_text(value), text);
}

TEST(Exposition, families_go_by_name_and_have_one_head_each) {
  static constexpr Family kLater{"b_total", "counts", Type::kCounter};
  static constexpr Family kEarlier{"a", "a gauge"};
  Samples samples;
  samples.add(kLater, 2);
  samples.add(kEarlier, {{"x", "1"}}, 0.5);
  samples.add(kEarlier, {{"x", "0"}}, 1e6);
  EXPECT_EQ(written(samples),
            "# HELP a a gauge\n# TYPE a gauge\na{x=\"0\"} 1e+06\na{x=\"1\"} 0.5\n"
            "# HELP b_total counts\n# TYPE b_total counter\nb_total 2\n");
  EXPECT_EQ(written({}), "");
}

// Two places may each declare it.
TEST(Exposition, two_families_of_one_name_are_one) {
  static constexpr Family kOne{"a", "help"};
  static constexpr Family kOther{"a", "help"};
  Samples samples;
  samples.add(kOther, {{"x", "2"}}, 2);
  samples.add(kOne, {{"x", "1"}}, 1);
  EXPECT_EQ(written(samples), "# HELP a help\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\n");
}

TEST(Exposition, samples_go_by_the_values_of_their_labels) {
  static constexpr Family kFamily{"a", ""};
  Samples samples;
  samples.add(kFamily, {{"x", "b"}, {"y", "a"}}, 1);
  samples.add(kFamily, {{"x", "a"}, {"y", "b"}}, 2);
  samples.add(kFamily, {{"x", "a"}, {"y", "a"}}, 3);
  samples.add(kFamily, {{"x", "z"}}, 4);
  EXPECT_EQ(
      written(samples),
      "# HELP a \n# TYPE a gauge\na{x=\"z\"} 4\na{x=\"a\",y=\"a\"} 3\na{x=\"a\",y=\"b\"} 2\na{x=\"b\",y=\"a\"} 1\n");
}

TEST(Exposition, a_help_text_escapes_backslash_and_line_feed_and_a_value_its_quotes_too) {
  static constexpr Family kFamily{"a", "say \"\\\" or\nnothing"};
  Samples samples;
  samples.add(kFamily, {{"x", "say \"\\\" or\nnothing"}}, 1);
  EXPECT_EQ(written(samples),
            "# HELP a say \"\\\\\" or\\nnothing\n# TYPE a gauge\na{x=\"say \\\"\\\\\\\" or\\nnothing\"} 1\n");
}

TEST(Exposition, bytes_that_are_no_utf8_are_replaced) {
  static constexpr Family kFamily{"a", ""};
  Samples samples;
  samples.add(kFamily, {{"x", "\xc3\xa9 \xff\xfe! \xe2\x82"}}, 1);
  EXPECT_EQ(written(samples), "# HELP a \n# TYPE a gauge\na{x=\"\xc3\xa9 \xef\xbf\xbd! \xef\xbf\xbd\"} 1\n");
}

TEST(Exposition, a_histogram_stays_together_and_in_order) {
  static constexpr Family kFamily{"h_seconds", "how long", Type::kHistogram};
  Samples samples;
  for (const char* check : {"b", "a"}) {
    for (const char* bound : {"0.5", "10", "+Inf"})
      samples.add(kFamily, "_bucket", {{"check", check}, {"le", bound}}, 1);
    samples.add(kFamily, "_sum", {{"check", check}}, 0.25);
    samples.add(kFamily, "_count", {{"check", check}}, 1);
  }
  std::string all = "# HELP h_seconds how long\n# TYPE h_seconds histogram\n";
  for (const std::string check : {"a", "b"}) {
    for (const std::string bound : {"0.5", "10", "+Inf"})
      all += "h_seconds_bucket{check=\"" + check + "\",le=\"" + bound + "\"} 1\n";
    all += "h_seconds_sum{check=\"" + check + "\"} 0.25\nh_seconds_count{check=\"" + check + "\"} 1\n";
  }
  EXPECT_EQ(written(samples), all);
}

}  // namespace
}  // namespace sonde::metrics
