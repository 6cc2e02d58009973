#include "gateway/history/packed_results.h"

#include <gtest/gtest.h>

#include "base/mix.h"

namespace sonde::gateway {
namespace {

CheckResult sample_result(std::uint64_t seed) {
  CheckResult result{.id = mix64(seed), .unix_time = 1'700'000'000 * kSecond + static_cast<Nanos>(seed) * kMillisecond};
  result.success = seed % 3 != 0;
  for (std::size_t i = 0; i < kPhases; ++i)
    result.timing_us[i] = (mix64(seed, i) & 1) != 0 ? static_cast<std::int32_t>(mix64(seed, i) >> 33) : -1;
  if (!result.success) {
    result.outcome = results::Outcome::kTimeout;
    result.phase = results::Phase::kTls;
    result.cause = std::string(seed % 200, 'c');
  }
  return result;
}

TEST(PackedResults, what_is_packed_is_unpacked_in_order) {
  std::string packed;
  std::int64_t last_us = 0;
  for (std::uint64_t i = 0; i < 300; ++i) pack(sample_result(i * 7919 % 300), last_us, packed);
  std::string_view bytes = packed;
  std::int64_t unix_us = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const CheckResult expected = sample_result(i * 7919 % 300);
    CheckResult result;
    ASSERT_TRUE(unpack(bytes, unix_us, result));
    EXPECT_EQ(result.unix_time, expected.unix_time);
    EXPECT_EQ(result.success, expected.success);
    EXPECT_EQ(result.outcome, expected.outcome);
    EXPECT_EQ(result.phase, expected.phase);
    EXPECT_EQ(result.cause, expected.cause.substr(0, kMostCauseBytes));
    EXPECT_EQ(result.timing_us, expected.timing_us);
  }
  EXPECT_TRUE(bytes.empty());
}

TEST(PackedResults, a_result_cut_anywhere_is_damaged) {
  std::string packed;
  std::int64_t last_us = 0;
  pack(sample_result(3), last_us, packed);
  for (std::size_t length = 0; length < packed.size(); ++length) {
    std::string_view bytes(packed.data(), length);
    std::int64_t unix_us = 0;
    CheckResult result;
    EXPECT_FALSE(unpack(bytes, unix_us, result)) << length;
  }
}

TEST(PackedResults, a_usual_result_takes_few_bytes) {
  std::string packed;
  std::int64_t last_us = 0;
  for (int i = 0; i < 100; ++i) {
    CheckResult result{.unix_time = (1'700'000'000 + i * 60) * kSecond, .success = true};
    result.timing_us = {-1, 300, -1, 20, 1500, 60, 1900};
    pack(result, last_us, packed);
  }
  EXPECT_LT(packed.size(), 1500);
}

TEST(Rollup, quantiles_of_merged_ones_are_those_of_all_runs_within_a_step) {
  Rollup whole;
  std::vector<Rollup> parts(7);
  std::vector<std::uint32_t> totals;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    CheckResult result;
    result.timing_us.fill(-1);
    const auto total = static_cast<std::int32_t>(mix64(i) >> (33 + i % 28));
    result.timing_us.back() = total;
    result.success = i % 2 == 0;
    totals.push_back(static_cast<std::uint32_t>(total));
    whole.add(result);
    parts[i % 7].add(result);
  }
  Rollup merged;
  for (const Rollup& part : parts) merged.merge(part);
  std::ranges::sort(totals);
  EXPECT_EQ(merged.count, 5000);
  EXPECT_EQ(merged.success, 2500);
  EXPECT_EQ(merged.min_us, totals.front());
  EXPECT_EQ(merged.max_us, totals.back());
  for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = totals[std::min<std::size_t>(4999, static_cast<std::size_t>(q * 5000))];
    EXPECT_NEAR(merged.quantile_us(q), exact, exact * 0.032 + 1) << q;
    EXPECT_EQ(merged.quantile_us(q), whole.quantile_us(q));
  }
}

TEST(Rollup, of_runs_without_a_duration_has_none) {
  Rollup rollup;
  CheckResult result;
  result.timing_us.fill(-1);
  rollup.add(result);
  EXPECT_EQ(rollup.count, 1);
  EXPECT_EQ(rollup.quantile_us(0.5), 0);
  EXPECT_EQ(rollup.mean_us(6), -1);
}

TEST(Rollup, packed_and_cut_anywhere) {
  Rollup rollup;
  for (std::uint64_t i = 0; i < 100; ++i) rollup.add(sample_result(i));
  std::string packed;
  pack(19, rollup, packed);
  for (std::size_t length = 0; length <= packed.size(); ++length) {
    std::string_view bytes(packed.data(), length);
    std::uint32_t index = 0;
    Rollup read;
    ASSERT_EQ(unpack(bytes, index, read), length == packed.size()) << length;
    if (length < packed.size()) continue;
    EXPECT_EQ(index, 19);
    std::string again;
    pack(index, read, again);
    EXPECT_EQ(again, packed);
  }
}

}  // namespace
}  // namespace sonde::gateway
