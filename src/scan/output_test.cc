#include "scan/output.h"

#include <gtest/gtest.h>

#include "results/schema.h"

namespace sonde::scan {
namespace {

class OutputTest : public testing::Test {
 protected:
  results::Record record(results::Outcome outcome) {
    results::Record made;
    made.ip = IpAddress::v4(0x7f000001);
    made.port = 80;
    made.probe = "tcp";
    made.outcome = outcome;
    made.timing_us.fill(results::kNoTiming);
    return made;
  }
  results::Schema schema_;
  std::unique_ptr<results::Encoder> encoder_ = results::make_ndjson_encoder(schema_, *schema_.select({}));
};

TEST_F(OutputTest, a_marker_comes_behind_all_records_before_it) {
  ResultBudget budget(std::nullopt);
  ShardOutput output(*encoder_, budget, true);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(output.consume(record(results::Outcome::kRefused)));
  EXPECT_TRUE(output.mark(7, {1, 2, 3}, false));
  const auto records = output.queue().pop();
  ASSERT_TRUE(records);
  EXPECT_EQ(records->records, 5U);
  EXPECT_EQ(records->bytes.back(), '\n') << "whole records only";
  const auto marker = output.queue().pop();
  ASSERT_TRUE(marker);
  EXPECT_EQ(marker->epoch, 7U);
  EXPECT_EQ(marker->pending.size(), 3U);
  EXPECT_FALSE(output.queue().pop());
}

TEST_F(OutputTest, without_all_only_successes_are_written_and_nothing_is_refused) {
  ResultBudget budget(1);
  ShardOutput output(*encoder_, budget, false);
  EXPECT_TRUE(output.consume(record(results::Outcome::kRefused)));
  EXPECT_FALSE(budget.used_up());
  EXPECT_TRUE(output.consume(record(results::Outcome::kSuccess)));
  EXPECT_TRUE(budget.used_up());
  EXPECT_FALSE(output.consume(record(results::Outcome::kSuccess))) << "the budget is used up";
  output.mark(1, {}, true);
  EXPECT_EQ(output.queue().pop()->records, 1U);
}

TEST_F(OutputTest, a_writer_that_does_not_come_fills_the_buffer_up_to_its_bound_and_loses_nothing) {
  ResultBudget budget(std::nullopt);
  ShardOutput output(*encoder_, budget, true);
  std::uint64_t made = 0;
  for (Nanos now = 1; !output.full(); now += kSecond) {
    EXPECT_TRUE(output.consume(record(results::Outcome::kSuccess)));
    ++made;
    output.flush(now);
    ASSERT_LT(made, 1'000'000U) << "full() must come";
  }
  EXPECT_FALSE(output.mark(1, {}, true)) << "the queue is full";
  std::uint64_t written = 0;
  while (auto message = output.queue().pop()) written += message->records;
  EXPECT_TRUE(output.mark(1, {}, true));
  while (auto message = output.queue().pop()) written += message->records;
  EXPECT_EQ(written, made);
  EXPECT_FALSE(output.full());
}

TEST_F(OutputTest, a_record_waits_no_longer_than_its_delay) {
  ResultBudget budget(std::nullopt);
  ShardOutput output(*encoder_, budget, true);
  output.consume(record(results::Outcome::kSuccess));
  output.flush(kSecond);
  EXPECT_TRUE(output.queue().empty());
  output.flush(kSecond + 19 * kMillisecond);
  EXPECT_TRUE(output.queue().empty());
  output.flush(kSecond + 20 * kMillisecond);
  EXPECT_FALSE(output.queue().empty());
}

}  // namespace
}  // namespace sonde::scan
