#include "engine/server_pool.h"

#include <gtest/gtest.h>

#include <array>

namespace sonde::engine {
namespace {

TEST(ServerPool, servers_take_turns) {
  ServerPool pool(3, 10);
  for (std::uint32_t i = 0; i < 9; ++i) EXPECT_EQ(pool.take(0, {}), i % 3);
}

TEST(ServerPool, none_has_more_outstanding_than_it_may) {
  ServerPool pool(2, 3);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(pool.take(0, {}));
  EXPECT_FALSE(pool.take(0, {}));
  EXPECT_EQ(pool.outstanding(), pool.limit());
  pool.give(1);
  EXPECT_EQ(pool.take(0, {}), 1U);
}

TEST(ServerPool, tried_ones_come_last) {
  ServerPool pool(3, 10);
  const std::array<std::uint32_t, 2> tried = {0, 1};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pool.take(0, tried), 2U);
  ServerPool one(1, 10);
  EXPECT_EQ(one.take(0, std::span(tried).first(1)), 0U) << "where there is no other";
}

TEST(ServerPool, a_silent_one_comes_last_but_for_a_trial_now_and_then) {
  ServerPool pool(2, 100);
  for (std::uint32_t i = 0; i < ServerPool::kSilences; ++i) pool.overdue(0, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.take(1, {}), 1U);
  int trials = 0;
  for (int i = 0; i < 10; ++i) trials += *pool.take(ServerPool::kTrial, {}) == 0 ? 1 : 0;
  EXPECT_EQ(trials, 1);
  pool.answered(0);
  trials = 0;
  for (int i = 0; i < 10; ++i) trials += *pool.take(ServerPool::kTrial, {}) == 0 ? 1 : 0;
  EXPECT_EQ(trials, 5) << "it has spoken";
}

TEST(ServerPool, silent_ones_are_asked_where_no_other_has_room) {
  ServerPool pool(2, 1);
  for (std::uint32_t i = 0; i < ServerPool::kSilences; ++i) pool.overdue(0, 0);
  EXPECT_EQ(pool.take(1, {}), 1U);
  EXPECT_EQ(pool.take(1, {}), 0U);
}

}  // namespace
}  // namespace sonde::engine
