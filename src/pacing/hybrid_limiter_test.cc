#include "pacing/hybrid_limiter.h"

#include <gtest/gtest.h>

#include <utility>

#include "pacing/sliding_window.h"

namespace sonde::pacing {
namespace {

constexpr Nanos kCell = 100 * kMillisecond;

TEST(SlidingWindow, forgets_by_cells_what_is_older_than_its_width) {
  SlidingWindow window(10 * kSecond);
  EXPECT_EQ(window.cell(), kCell);
  window.add(0, 5);
  window.add(kCell, 7);
  EXPECT_EQ(window.total(10 * kSecond - 1), 12U);
  EXPECT_EQ(window.total(10 * kSecond), 7U);
  EXPECT_EQ(window.total(10 * kSecond + kCell), 0U);
}

TEST(SlidingWindow, a_long_pause_empties_it) {
  SlidingWindow window(10 * kSecond);
  for (int i = 0; i < 500; ++i) window.add(i * kCell, 3);
  EXPECT_EQ(window.total(499 * kCell), 300U);
  EXPECT_EQ(window.total(1'000'000 * kCell), 0U);
}

TEST(SlidingWindow, its_rate_is_a_second_over_the_whole_width) {
  SlidingWindow window(10 * kSecond);
  for (int i = 0; i < 200; ++i) window.add(i * kCell, 4);
  EXPECT_DOUBLE_EQ(window.rate(199 * kCell), 40);
  EXPECT_DOUBLE_EQ(window.rate(199 * kCell + 5 * kSecond), 20);
}

TEST(SlidingWindow, a_time_that_is_older_counts_as_the_present) {
  SlidingWindow window(10 * kSecond);
  window.add(20 * kSecond);
  window.add(19 * kSecond);
  EXPECT_EQ(window.total(20 * kSecond), 2U);
}

// The contract's tiers.
LimiterOptions options() {
  return {.rate = 100,
          .burst = 200,
          .tiers = {{.below = 0.8},
                    {.from = 0.8, .below = 1.5, .fill = 1.2, .most_delay = 50 * kMillisecond},
                    {.from = 1.5, .decays = true, .sheds = Rank::kLow}}};
}

// Offers `rate` a second of a rank from `from` to `until`; those that are not shed take what tokens there are, and the
// rest is lost. How many started.
int offer(HybridLimiter& limiter, Rank rank, int rate, Nanos from, Nanos until) {
  int started = 0;
  for (Nanos now = from; now < until; now += kSecond / rate)
    if (!limiter.offer(rank, now).shed && limiter.take(rank, now)) ++started;
  return started;
}

TEST(HybridLimiter, the_offered_rate_says_which_tier_holds) {
  for (const auto& [rate, tier] : {std::pair{50, 0U}, {100, 1U}, {140, 1U}, {200, 2U}}) {
    HybridLimiter limiter(options());
    offer(limiter, Rank::kNormal, rate, 0, 12 * kSecond);
    const LimiterView view = limiter.view(12 * kSecond);
    EXPECT_EQ(view.tier, tier) << rate;
    EXPECT_NEAR(view.offered, rate, rate * 0.02);
  }
}

TEST(HybridLimiter, a_burst_goes_at_once_and_then_the_rate_holds) {
  HybridLimiter limiter({.rate = 100, .burst = 200});
  int at_once = 0;
  while (limiter.take(Rank::kNormal, kSecond)) ++at_once;
  EXPECT_EQ(at_once, 200);
  EXPECT_NEAR(offer(limiter, Rank::kNormal, 1000, kSecond, 11 * kSecond), 1000, 2);
}

TEST(HybridLimiter, ready_at_is_when_a_token_is_there) {
  HybridLimiter limiter({.rate = 3, .burst = 1});
  EXPECT_EQ(limiter.ready_at(Rank::kNormal, kSecond), kSecond);
  EXPECT_TRUE(limiter.take(Rank::kNormal, kSecond));
  const Nanos ready = limiter.ready_at(Rank::kNormal, kSecond);
  EXPECT_FALSE(limiter.take(Rank::kNormal, ready - 1000));
  EXPECT_TRUE(limiter.take(Rank::kNormal, ready));
}

TEST(HybridLimiter, a_tier_with_a_higher_fill_lets_more_through) {
  HybridLimiter limiter(options());
  offer(limiter, Rank::kNormal, 140, 0, 30 * kSecond);
  EXPECT_DOUBLE_EQ(limiter.view(30 * kSecond).fill, 1.2);
  EXPECT_NEAR(offer(limiter, Rank::kNormal, 140, 30 * kSecond, 40 * kSecond), 1200, 5);
}

TEST(HybridLimiter, the_fill_decays_by_a_tenth_a_second_to_a_half_and_recovers_as_slowly) {
  HybridLimiter limiter(options());
  // 3 of normal alone, which no tier sheds: after 5 s the window has 1.5.
  Nanos now = 0;
  offer(limiter, Rank::kNormal, 300, 0, now = 5 * kSecond);
  const double begun = limiter.view(now).fill;
  EXPECT_GE(begun, 1);
  offer(limiter, Rank::kNormal, 300, now, now + 2 * kSecond);
  now += 2 * kSecond;
  EXPECT_NEAR(limiter.view(now).fill, begun - 0.2, 0.011);
  offer(limiter, Rank::kNormal, 300, now, now + 30 * kSecond);
  now += 30 * kSecond;
  EXPECT_DOUBLE_EQ(limiter.view(now).fill, 0.5);
  EXPECT_NEAR(offer(limiter, Rank::kNormal, 300, now, now + 10 * kSecond), 500, 5);
  now += 10 * kSecond;
  // The flood is over: its share is 3 still, and falls below 1.5 within 5 s; then 0.1 a second.
  EXPECT_DOUBLE_EQ(limiter.view(now + 4 * kSecond).fill, 0.5);
  EXPECT_NEAR(limiter.view(now + 7 * kSecond).fill, 0.7, 0.021);
  EXPECT_DOUBLE_EQ(limiter.view(now + 20 * kSecond).fill, 1);
}

TEST(HybridLimiter, the_fill_does_not_decay_where_shedding_suffices) {
  HybridLimiter limiter(options());
  for (Nanos now = 0; now < 60 * kSecond; now += 10 * kMillisecond) {
    for (int i = 0; i < 3; ++i) limiter.offer(Rank::kLow, now);
    limiter.offer(Rank::kNormal, now);
    limiter.take(Rank::kNormal, now);
  }
  const LimiterView view = limiter.view(60 * kSecond);
  EXPECT_EQ(view.tier, 2U);
  EXPECT_NEAR(view.offered, 400, 5);
  EXPECT_NEAR(view.kept, 100, 2);
  EXPECT_DOUBLE_EQ(view.fill, 1);
}

TEST(HybridLimiter, high_is_never_shed_nor_delayed_nor_kept_waiting) {
  LimiterOptions strict = options();
  strict.tiers = {{.most_delay = kSecond, .sheds = Rank::kHigh}};
  HybridLimiter limiter(strict);
  for (Nanos now = 0; now < 10 * kSecond; now += kMillisecond) {
    const HybridLimiter::Offer offered = limiter.offer(Rank::kHigh, now);
    EXPECT_FALSE(offered.shed);
    EXPECT_EQ(offered.delay, 0);
    EXPECT_TRUE(limiter.take(Rank::kHigh, now));
    EXPECT_TRUE(limiter.offer(Rank::kNormal, now).shed);
  }
  // The debt is bounded: what it kept from others is paid back in 2 s.
  EXPECT_NEAR(limiter.view(10 * kSecond).tokens, -200, 1);
  EXPECT_LT(limiter.ready_at(Rank::kNormal, 10 * kSecond), 12'100 * kMillisecond);
}

TEST(HybridLimiter, low_leaves_the_last_quarter_of_the_bucket_to_normal) {
  HybridLimiter limiter({.rate = 1, .burst = 100});
  int low = 0, normal = 0;
  while (limiter.take(Rank::kLow, 1)) ++low;
  while (limiter.take(Rank::kNormal, 1)) ++normal;
  EXPECT_EQ(low, 76);
  EXPECT_EQ(normal, 24);
}

TEST(HybridLimiter, delays_are_spread_over_what_the_tier_allows) {
  HybridLimiter limiter({.rate = 1, .burst = 1, .tiers = {{.most_delay = 50 * kMillisecond}}});
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const Nanos delay = limiter.offer(Rank::kNormal, 1).delay;
    ASSERT_GE(delay, 0);
    ASSERT_LE(delay, 50 * kMillisecond);
    sum += static_cast<double>(delay);
  }
  EXPECT_NEAR(sum / 1000, 25e6, 2e6);
}

TEST(HybridLimiter, after_a_long_pause_it_is_as_at_first) {
  HybridLimiter limiter(options());
  offer(limiter, Rank::kNormal, 400, 0, 60 * kSecond);
  const LimiterView view = limiter.view(86'400 * kSecond);
  EXPECT_EQ(view.tier, 0U);
  EXPECT_DOUBLE_EQ(view.fill, 1);
  EXPECT_DOUBLE_EQ(view.tokens, 200);
}

}  // namespace
}  // namespace sonde::pacing
