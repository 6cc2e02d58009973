#include "config/values.h"

#include <gtest/gtest.h>

#include <random>

namespace sonde::config {
namespace {

template <typename T>
std::string error_of(const Parsed<T>& parsed) {
  return parsed ? "no error" : parsed.error().text;
}

TEST(Duration, units_and_bare_seconds) {
  EXPECT_EQ(parse_duration("250ms"), 250 * kMillisecond);
  EXPECT_EQ(parse_duration("3s"), 3 * kSecond);
  EXPECT_EQ(parse_duration("3"), 3 * kSecond);
  EXPECT_EQ(parse_duration("0.25"), 250 * kMillisecond);
  EXPECT_EQ(parse_duration(".5s"), 500 * kMillisecond);
  EXPECT_EQ(parse_duration("500us"), 500 * kMicrosecond);
  EXPECT_EQ(parse_duration("1.5m"), 90 * kSecond);
  EXPECT_EQ(parse_duration("1h"), 3600 * kSecond);
  EXPECT_EQ(parse_duration("1m30s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("8760h"), 8760LL * 3600 * kSecond);
}

TEST(Duration, decimals_are_exact) {
  // 0.1 + 0.2 and 1.005 are where floating point goes wrong.
  EXPECT_EQ(parse_duration("0.3s"), 300 * kMillisecond);
  EXPECT_EQ(parse_duration("1.005s"), 1005 * kMillisecond);
  EXPECT_EQ(parse_duration("2.001"), 2001 * kMillisecond);
}

TEST(Duration, what_is_not_one_is_refused_with_what_would_be_right) {
  for (const char* text :
       {"", "fast", "3x", "3 s", "-3s", "+3s", "1.2.3s", ".", ".s", "s", "3S", "1m30", "30s1", "1e3", "3s "})
    EXPECT_NE(error_of(parse_duration(text)).find("is not a duration: give a number and a unit"), std::string::npos)
        << text;
  EXPECT_EQ(error_of(parse_duration("0s")), "'0s' is no time at all: it must be more than 0, like 250ms");
  EXPECT_EQ(error_of(parse_duration("8761h")), "'8761h' is too long: the most is 8760h, a year");
  EXPECT_EQ(error_of(parse_duration("99999999999999999999999h")),
            "'99999999999999999999999h' is too long: the most is 8760h, a year");
  for (const char* text : {"1.5us", "0.0000001s", "0.00000000000000000000000001s"})
    EXPECT_NE(error_of(parse_duration(text)).find("is too fine: a duration is a whole number of microseconds"),
              std::string::npos)
        << text;
}

TEST(Duration, is_printed_in_the_largest_unit_that_divides_it) {
  EXPECT_EQ(print_duration(90 * kSecond), "90s");
  EXPECT_EQ(print_duration(120 * kSecond), "2m");
  EXPECT_EQ(print_duration(1500 * kMillisecond), "1500ms");
}

TEST(Rate, suffixes_and_unlimited) {
  EXPECT_EQ(parse_rate("10k"), 10'000);
  EXPECT_EQ(parse_rate("1.5M"), 1'500'000);
  EXPECT_EQ(parse_rate("0.5"), 0.5);
  EXPECT_EQ(parse_rate("0"), 0);
  for (const char* text : {"", "fast", "-1", "1m", "10kk", "k", "1/s", "0.0001", "nan", "inf", "1e3"})
    EXPECT_NE(error_of(parse_rate(text)).find("is not a rate: give connections a second"), std::string::npos) << text;
  EXPECT_EQ(error_of(parse_rate("1001M")), "'1001M' is too much: the most is 1000M; 0 is unlimited");
}

TEST(Count, bounds_are_named) {
  EXPECT_EQ(parse_count("1.5k", 1, 2000), 1500U);
  EXPECT_EQ(parse_count("18446744073709551615", 1, UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(error_of(parse_count("0", 1, 9)), "'0' is too little: the least is 1");
  EXPECT_EQ(error_of(parse_count("10k", 1, 9000)), "'10k' is too much: the most is 9k");
  for (const char* text : {"1.5", "-1", "many", "18446744073709551616", "0x10"})
    EXPECT_NE(error_of(parse_count(text, 1, UINT64_MAX)).find("is not a count"), std::string::npos) << text;
}

TEST(Shard, is_one_based) {
  EXPECT_EQ(parse_shard("2/5"), (Shard{.index = 2, .count = 5}));
  EXPECT_EQ(error_of(parse_shard("0/5")), "'0/5' is not one of them: K must be 1 to 5");
  EXPECT_EQ(error_of(parse_shard("6/5")), "'6/5' is not one of them: K must be 1 to 5");
  EXPECT_EQ(error_of(parse_shard("0/0")), "'0/0' has no shards: N must be 1 or more");
  for (const char* text : {"", "2", "/", "2/", "/5", "a/b", "-1/5", "1/5/9", "1 /5", "4294967296/4294967296"})
    EXPECT_NE(error_of(parse_shard(text)).find("is not a shard: give K/N"), std::string::npos) << text;
}

TEST(Seed, is_any_64_bit_number) {
  EXPECT_EQ(parse_seed("0"), 0U);
  EXPECT_EQ(parse_seed("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_seed("0xffffffffffffffff"), UINT64_MAX);
  EXPECT_EQ(parse_seed("0X1f"), 31U);
  for (const char* text : {"", "0x", "-1", "18446744073709551616", "0x1ffffffffffffffff", "1k", "ff"})
    EXPECT_NE(error_of(parse_seed(text)).find("is not a seed"), std::string::npos) << text;
}

TEST(Bytes, suffixes_are_powers_of_1024) {
  EXPECT_EQ(parse_bytes("64k"), 65536U);
  EXPECT_EQ(parse_bytes("1.5M"), 1536U * 1024);
  EXPECT_EQ(parse_bytes("1G"), 1U << 30);
  EXPECT_FALSE(parse_bytes("64kb"));
  EXPECT_EQ(print_bytes(65536), "64k");
}

TEST(Boolean, has_the_words_of_yaml) {
  for (const char* text : {"true", "yes", "on", "1"}) EXPECT_EQ(parse_boolean(text), true);
  for (const char* text : {"false", "no", "off", "0"}) EXPECT_EQ(parse_boolean(text), false);
  EXPECT_EQ(error_of(parse_boolean("maybe")), "'maybe' is neither true nor false");
}

TEST(Text, is_utf8_on_one_line) {
  EXPECT_EQ(parse_text("/tmp/größe"), "/tmp/größe");
  EXPECT_EQ(error_of(parse_text("")), "'' is empty: it needs a value");
  EXPECT_EQ(error_of(parse_text("a\nb")), "'a\\x0ab' has a control character");
  EXPECT_EQ(error_of(parse_text(std::string_view("a\0b", 3))), "'a\\x00b' has a control character");
  EXPECT_EQ(error_of(parse_text("\xff")), "'\\xff' is not UTF-8");
}

TEST(List, items_are_trimmed_and_none_is_empty) {
  EXPECT_EQ(parse_list("a, b ,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(error_of(parse_list("")), "'' is empty: it needs a value");
  for (const char* text : {"a,,b", ",a", "a,", ",", " , "})
    EXPECT_NE(error_of(parse_list(text)).find("has an empty item"), std::string::npos) << text;
}

TEST(Utf8, only_shortest_forms_of_scalar_values) {
  EXPECT_EQ(utf8_prefix("aß€\U0001F600"), 10U);
  EXPECT_EQ(utf8_prefix("a\xc0\x80"), 1U);          // overlong
  EXPECT_EQ(utf8_prefix("a\xe0\x9f\xbf"), 1U);      // overlong
  EXPECT_EQ(utf8_prefix("a\xed\xa0\x80"), 1U);      // a surrogate
  EXPECT_EQ(utf8_prefix("a\xf4\x90\x80\x80"), 1U);  // beyond U+10FFFF
  EXPECT_EQ(utf8_prefix("a\xe2\x82"), 1U);          // cut
}

TEST(Values, what_is_printed_parses_to_the_same) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t any = random() >> (random() % 64);
    const Nanos duration = static_cast<Nanos>(1 + any % (8760ULL * 3600 * 1'000'000)) * kMicrosecond;
    const double rate = static_cast<double>(any % 1'000'000'000'000) / 1000;
    const auto parts = static_cast<std::uint32_t>(1 + any % UINT32_MAX);
    const Shard shard{.index = 1 + static_cast<std::uint32_t>(random() % parts), .count = parts};
    ASSERT_EQ(parse_duration(print_duration(duration)), duration);
    ASSERT_EQ(parse_rate(print_rate(rate)), rate) << print_rate(rate);
    ASSERT_EQ(parse_count(print_count(any), 0, UINT64_MAX), any);
    ASSERT_EQ(parse_shard(print_shard(shard)), shard);
    ASSERT_EQ(parse_seed(print_seed(any)), any);
    ASSERT_EQ(parse_bytes(print_bytes(any)), any);
  }
}

}  // namespace
}  // namespace sonde::config
