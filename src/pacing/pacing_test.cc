#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "pacing/in_flight_limit.h"
#include "pacing/token_bucket.h"

namespace sonde::pacing {
namespace {

// Tokens drawn when polled every `turn` for `duration`.
std::int64_t drawn(TokenBucket& bucket, Nanos duration, Nanos turn, Nanos start = 0) {
  std::int64_t count = 0;
  for (Nanos now = start; now < start + duration; now += turn)
    while (bucket.take(now)) ++count;
  return count;
}

TEST(TokenBucket, the_mean_rate_is_exact_at_any_rate) {
  for (const double rate : {1.0, 7.0, 333.0, 10'000.0, 999'999.0, 3'000'001.0}) {
    TokenBucket bucket(rate, 1 + rate / 100);
    const std::int64_t count = drawn(bucket, 20 * kSecond, kMillisecond);
    EXPECT_NEAR(static_cast<double>(count), rate * 20, 2 + rate * 20 * 0.0005 + rate / 100) << rate;
  }
}

TEST(TokenBucket, a_pause_saves_no_more_than_the_burst) {
  TokenBucket bucket(1000, 10);
  while (bucket.take(0)) {
  }
  EXPECT_EQ(drawn(bucket, 1, 1, 60 * kSecond), 10);
}

TEST(TokenBucket, ready_at_is_when_the_next_token_comes) {
  TokenBucket bucket(100, 1);
  EXPECT_TRUE(bucket.take(kSecond));
  EXPECT_FALSE(bucket.take(kSecond));
  const Nanos ready = bucket.ready_at(kSecond);
  EXPECT_EQ(ready, kSecond + 10 * kMillisecond);
  EXPECT_FALSE(bucket.take(ready - 1));
  EXPECT_TRUE(bucket.take(ready));
}

TEST(TokenBucket, zero_is_unlimited) {
  TokenBucket bucket(0, 1);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.take(5));
  EXPECT_EQ(bucket.ready_at(5), 5);
}

TEST(TokenBucket, threads_together_draw_the_one_rate) {
  TokenBucket bucket(100'000, 1);
  std::atomic<std::int64_t> total = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { total += drawn(bucket, kSecond, 100 * kMicrosecond); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(total, 100'100);
}

TEST(InFlightLimit, is_never_exceeded_and_comes_back) {
  InFlightLimit limit(3, 1024);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(42));
  EXPECT_FALSE(limit.take(42));
  limit.give(42);
  EXPECT_TRUE(limit.take(42));
}

TEST(InFlightLimit, colliding_keys_share_one_limit) {
  InFlightLimit limit(2, 1);  // one cell: every key collides
  EXPECT_TRUE(limit.take(1));
  EXPECT_TRUE(limit.take(2));
  EXPECT_FALSE(limit.take(3));
}

TEST(InFlightLimit, zero_is_unlimited) {
  InFlightLimit limit(0, 16);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limit.take(1));
}

}  // namespace
}  // namespace sonde::pacing
