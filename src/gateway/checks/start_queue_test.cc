#include "gateway/checks/start_queue.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

Turn turn(CheckId id, Priority priority, Nanos due = 0, Nanos next_due = 60 * kSecond) {
  return {.id = id, .due = due, .next_due = next_due, .priority = priority};
}

// The ids that may start at `now`, in their order.
std::vector<CheckId> take_all(StartQueue& queue, Nanos now) {
  std::vector<CheckId> ids;
  while (const std::optional<Turn> taken = queue.take(now)) ids.push_back(taken->id);
  return ids;
}

TEST(StartQueue, higher_priorities_start_first_and_equals_in_their_order) {
  StartQueue queue(nullptr, 100);
  std::vector<Turn> shed;
  queue.add(turn(1, Priority::kLow), 10, shed);
  queue.add(turn(3, Priority::kNormal), 11, shed);
  queue.add(turn(2, Priority::kNormal), 12, shed);
  queue.add(turn(4, Priority::kHigh), 13, shed);
  EXPECT_EQ(queue.next_time(20, true), 20);
  EXPECT_EQ(take_all(queue, 20), (std::vector<CheckId>{4, 3, 2, 1}));
  EXPECT_TRUE(shed.empty());
  EXPECT_EQ(queue.next_time(20, true), kNever);
}

TEST(StartQueue, what_has_not_started_when_its_next_turn_is_due_is_shed_and_counted) {
  StartQueue queue(nullptr, 100);
  std::vector<Turn> shed;
  queue.add(turn(1, Priority::kHigh, 0, 50), 10, shed);
  queue.add(turn(2, Priority::kLow, 0, 60), 10, shed);
  EXPECT_EQ(queue.next_time(10, false), 50);
  queue.shed_late(49, shed);
  EXPECT_TRUE(shed.empty());
  queue.shed_late(50, shed);
  ASSERT_EQ(shed.size(), 1U);
  EXPECT_EQ(shed[0].id, 1U);
  EXPECT_EQ(queue.shed()[0], 1U);
  EXPECT_EQ(take_all(queue, 51), (std::vector<CheckId>{2}));
}

TEST(StartQueue, a_full_one_sheds_the_latest_of_the_lowest_priority) {
  StartQueue queue(nullptr, 3);
  std::vector<Turn> shed;
  queue.add(turn(1, Priority::kLow), 1, shed);
  queue.add(turn(2, Priority::kLow), 2, shed);
  queue.add(turn(3, Priority::kNormal), 3, shed);
  queue.add(turn(4, Priority::kLow), 4, shed);  // has no place itself
  queue.add(turn(5, Priority::kHigh), 5, shed);
  queue.add(turn(6, Priority::kHigh), 6, shed);
  ASSERT_EQ(shed.size(), 3U);
  EXPECT_EQ(shed[0].id, 4U);
  EXPECT_EQ(shed[1].id, 2U);
  EXPECT_EQ(shed[2].id, 1U);
  EXPECT_EQ(queue.shed()[2], 3U);
  EXPECT_EQ(take_all(queue, 10), (std::vector<CheckId>{5, 6, 3}));
}

TEST(StartQueue, a_check_that_is_removed_waits_no_longer_and_is_not_counted) {
  StartQueue queue(nullptr, 3);
  std::vector<Turn> shed;
  queue.add(turn(1, Priority::kLow), 1, shed);
  EXPECT_TRUE(queue.remove(1));
  EXPECT_FALSE(queue.remove(1));
  EXPECT_TRUE(take_all(queue, 2).empty());
  EXPECT_EQ(queue.shed()[2], 0U);
  EXPECT_EQ(queue.next_time(2, true), kNever);
}

TEST(StartQueue, the_limiter_keeps_back_by_tokens_and_says_when_to_look_again) {
  pacing::HybridLimiter limiter({.rate = 10, .burst = 1});
  StartQueue queue(&limiter, 10);
  std::vector<Turn> shed;
  for (CheckId id = 1; id <= 3; ++id) queue.add(turn(id, Priority::kNormal), kSecond, shed);
  queue.add(turn(4, Priority::kLow), kSecond, shed);
  EXPECT_EQ(take_all(queue, kSecond), (std::vector<CheckId>{1}));
  const Nanos next = queue.next_time(kSecond, true);
  EXPECT_NEAR(static_cast<double>(next), 1.1e9, 10);
  EXPECT_EQ(take_all(queue, next), (std::vector<CheckId>{2}));
  queue.add(turn(5, Priority::kHigh), next, shed);
  EXPECT_EQ(take_all(queue, next), (std::vector<CheckId>{5}));  // at once, on the account of the others
  EXPECT_GT(queue.next_time(next, true), next + 150 * kMillisecond);
}

TEST(StartQueue, the_limiters_delay_lets_others_go_first) {
  pacing::HybridLimiter limiter({.rate = 1000, .burst = 100, .tiers = {{.most_delay = 50 * kMillisecond}}});
  StartQueue queue(&limiter, 100);
  std::vector<Turn> shed;
  for (CheckId id = 1; id <= 50; ++id) queue.add(turn(id, Priority::kNormal), kSecond, shed);
  const std::size_t at_once = take_all(queue, kSecond).size();
  EXPECT_LT(at_once, 10U);
  EXPECT_EQ(at_once + take_all(queue, kSecond + 50 * kMillisecond).size(), 50U);
}

TEST(StartQueue, a_tier_that_sheds_has_no_place_for_the_low) {
  pacing::HybridLimiter limiter({.rate = 10, .burst = 10, .tiers = {{.sheds = pacing::Rank::kLow}}});
  StartQueue queue(&limiter, 100);
  std::vector<Turn> shed;
  queue.add(turn(1, Priority::kLow), kSecond, shed);
  queue.add(turn(2, Priority::kNormal), kSecond, shed);
  ASSERT_EQ(shed.size(), 1U);
  EXPECT_EQ(shed[0].id, 1U);
  EXPECT_EQ(queue.shed()[2], 1U);
  EXPECT_EQ(queue.size(), 1U);
}

}  // namespace
}  // namespace sonde::gateway
