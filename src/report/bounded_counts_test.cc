// The parts of a tally that have a bound: names, cells, steps, targets.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "report/address_map.h"
#include "report/rate_series.h"
#include "report/target_list.h"
#include "report/top_counts.h"

namespace sonde::report {
namespace {

TEST(TopCounts, counts_are_exact_while_all_names_are_held) {
  TopCounts counts;
  for (int i = 0; i < 300; ++i) counts.add(std::to_string(i % 3));
  counts.add("3", 7);
  const auto top = counts.top(2);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0], (std::pair<std::string_view, std::uint64_t>("0", 100)));
  EXPECT_EQ(top[1].first, "1");
  EXPECT_EQ(counts.total(), 307U);
  EXPECT_FALSE(counts.forgot());
}

TEST(TopCounts, very_many_names_stay_within_the_bound_and_the_frequent_one_is_told) {
  TopCounts counts;
  for (int i = 0; i < 100'000; ++i) {
    counts.add("name" + std::to_string(i));
    if (i % 10 == 0) counts.add("frequent");
    ASSERT_LE(counts.distinct(), kMostNames);
  }
  EXPECT_TRUE(counts.forgot());
  EXPECT_EQ(counts.total(), 110'000U);
  EXPECT_EQ(counts.top(1)[0].first, "frequent");
  EXPECT_EQ(counts.top(1)[0].second, 10'000U) << "it was never among the rare half";
}

TEST(TopCounts, equal_counts_can_be_forgotten_too) {
  TopCounts counts;
  for (std::size_t i = 0; i < 3 * kMostNames; ++i) counts.add(std::to_string(i), 5);
  EXPECT_LE(counts.distinct(), kMostNames);
  EXPECT_GE(counts.distinct(), kMostNames / 2);
}

TEST(TopCounts, a_long_name_is_cut_between_two_characters) {
  TopCounts counts;
  counts.add(std::string(kLongestName - 1, 'a') + "\xc3\xa4");  // ä would be cut in two
  EXPECT_EQ(counts.top(1)[0].first, std::string(kLongestName - 1, 'a'));
  EXPECT_EQ(cut("\xe2\x82\xac", 2), "");
  EXPECT_EQ(cut("ab", 2), "ab");
}

TEST(TopCounts, merged_parts_are_the_whole_though_something_was_forgotten_in_one) {
  TopCounts small;
  small.add("a", 3);
  TopCounts large;
  for (std::size_t i = 0; i < 2 * kMostNames; ++i) large.add("x" + std::to_string(i));
  small.merge(large);
  EXPECT_EQ(small.total(), 3 + 2 * kMostNames);
  EXPECT_TRUE(small.forgot());
  EXPECT_EQ(small.top(1)[0].first, "a");
}

// What cells must say: the sum of the addresses in each, by counting them one by one.
void expect_cells(const AddressCells& cells, const std::map<std::uint32_t, std::uint64_t>& addresses) {
  ASSERT_EQ(cells.prefix_length() % 2, 0U);
  ASSERT_LE(cells.cells().size(), std::size_t{1} << AddressCells::kMostBits);
  std::vector<std::uint64_t> expected(cells.cells().size());
  for (const auto& [address, count] : addresses) {
    const std::uint64_t offset = std::uint64_t{address} - cells.prefix();
    const std::uint64_t cell = offset >> (32 - cells.cell_length());
    ASSERT_LT(cell, expected.size());
    expected[cell] += count;
  }
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(cells.cells()[i].records, expected[i]) << i;
}

TEST(AddressCells, one_address_is_a_map_of_one_cell) {
  AddressCells cells;
  EXPECT_TRUE(cells.empty());
  cells.add(0x7f000001, true);
  cells.add(0x7f000001, false);
  EXPECT_EQ(cells.prefix_length(), 32U);
  EXPECT_EQ(cells.cells(), (std::vector<AddressCells::Cell>{{.records = 2, .successes = 1}}));
}

TEST(AddressCells, the_prefix_is_the_smallest_of_even_length_that_holds_all) {
  AddressCells cells;
  cells.add(0x7f000001, true);
  cells.add(0x7f000002, true);
  EXPECT_EQ(cells.prefix_length(), 30U);
  cells.add(0x7f000008, true);  // within /28
  EXPECT_EQ(cells.prefix_length(), 28U);
  cells.add(0x7fffffff, true);  // a /8
  EXPECT_EQ(cells.prefix_length(), 8U);
  EXPECT_EQ(cells.prefix(), 0x7f000000U);
  EXPECT_EQ(cells.cell_length(), 24U);
  cells.add(0xffffffff, true);
  EXPECT_EQ(cells.prefix_length(), 0U);
  EXPECT_EQ(cells.cells().size(), 65'536U);
  expect_cells(cells, {{0x7f000001, 1}, {0x7f000002, 1}, {0x7f000008, 1}, {0x7fffffff, 1}, {0xffffffff, 1}});
}

TEST(AddressCells, widening_and_merging_lose_nothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::map<std::uint32_t, std::uint64_t> addresses;
    AddressCells whole;
    AddressCells parts[3];
    const unsigned spread = random() % 32;
    const std::uint32_t base = random();
    for (int i = 0; i < 40; ++i) {
      const std::uint32_t address = base ^ (random() >> spread);
      ++addresses[address];
      whole.add(address, false);
      parts[random() % 3].add(address, false);
    }
    AddressCells merged;
    for (const AddressCells& part : parts) merged.merge(part);
    expect_cells(whole, addresses);
    ASSERT_EQ(merged.prefix_length(), whole.prefix_length());
    ASSERT_EQ(merged.prefix(), whole.prefix());
    ASSERT_EQ(merged.cells(), whole.cells());
  }
}

TEST(AddressCells, a_byte_tells_a_count_on_a_log_scale) {
  EXPECT_EQ(log_byte(0), 0);
  EXPECT_EQ(log_byte(1), 1);
  EXPECT_EQ(log_byte(2), 9);
  EXPECT_EQ(log_byte(1024), 81);
  EXPECT_EQ(log_byte(UINT64_MAX), 255);
}

TEST(RateSeries, steps_widen_until_all_fit) {
  RateSeries series;
  for (std::int64_t second = 1'000; second < 11'000; ++second) series.add(second, second % 2 == 0);
  EXPECT_LE(series.steps().size(), RateSeries::kMostSteps);
  EXPECT_EQ(series.step_s(), 64U);
  EXPECT_EQ(series.start_s(), 960);
  std::uint64_t records = 0;
  std::uint64_t successes = 0;
  for (const RateSeries::Step& step : series.steps()) {
    records += step.records;
    successes += step.successes;
  }
  EXPECT_EQ(records, 10'000U);
  EXPECT_EQ(successes, 5'000U);
}

TEST(RateSeries, times_may_come_in_any_order_and_from_any_year) {
  RateSeries series;
  series.add(1'800'000'000, true);
  series.add(1'799'999'990, true);
  EXPECT_EQ(series.step_s(), 1U);
  EXPECT_EQ(series.start_s(), 1'799'999'990);
  EXPECT_EQ(series.steps().size(), 11U);
  series.add(1, false);
  series.add(253'402'300'799, false);  // the end of year 9999
  EXPECT_LE(series.steps().size(), RateSeries::kMostSteps);
  EXPECT_EQ(series.steps()[0].records, 1U);
  EXPECT_EQ(series.steps()[1].records, 2U);
}

TEST(RateSeries, merged_parts_are_the_whole) {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    RateSeries whole;
    RateSeries parts[3];
    const unsigned spread = random() % 20;
    for (int i = 0; i < 100; ++i) {
      const std::int64_t second = 1'700'000'000 + (random() >> (12 + spread));
      whole.add(second, i % 3 == 0);
      parts[random() % 3].add(second, i % 3 == 0);
    }
    RateSeries merged;
    for (const RateSeries& part : parts) merged.merge(part);
    ASSERT_EQ(merged.step_s(), whole.step_s());
    ASSERT_EQ(merged.start_s(), whole.start_s());
    ASSERT_EQ(merged.steps(), whole.steps());
  }
}

TEST(TargetList, keeps_the_first_of_its_order_whatever_the_order_of_arrival) {
  std::vector<RecordFacts> all(100);
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i].ip = IpAddress::v4(i / 2);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].port = static_cast<std::uint16_t>(i);
  std::mt19937 random(3);
  std::shuffle(all.begin(), all.end(), random);
  TargetList whole(10);
  TargetList parts[2] = {TargetList(10), TargetList(10)};
  for (const RecordFacts& facts : all) {
    const std::uint64_t score = facts.port / 10;
    if (whole.wants(score, facts.ip)) whole.add(name_target(facts, score, "why"));
    TargetList& part = parts[random() % 2];
    if (part.wants(score, facts.ip)) part.add(name_target(facts, score, "why"));
  }
  parts[0].merge(parts[1]);
  ASSERT_EQ(whole.targets().size(), 10U);
  EXPECT_EQ(whole.targets(), parts[0].targets());
  for (std::uint16_t i = 0; i < 10; ++i) EXPECT_EQ(whole.targets()[i].port, 90 + i);
}

}  // namespace
}  // namespace sonde::report
