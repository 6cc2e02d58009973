#include "engine/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/mix.h"

namespace sonde::engine {
namespace {

TEST(TimerWheel, a_deadline_fires_in_the_first_tick_that_is_not_before_it) {
  for (const Nanos start : {Nanos{0}, 255 * kMillisecond, 123'456'789'012'345}) {
    for (const Nanos delay : {Nanos{1}, kMillisecond, kMillisecond + 1, 255 * kMillisecond, 256 * kMillisecond,
                              257 * kMillisecond, 3 * kSecond, 16'384 * kMillisecond, 20'000 * kSecond}) {
      TimerWheel wheel(start);
      TimerNode node;
      wheel.arm(node, start + delay);
      Nanos now = start;
      while (wheel.pop_expired(now) == nullptr) {
        ASSERT_GT(wheel.next_due(), now) << "the wheel must make progress";
        now = wheel.next_due();
      }
      EXPECT_GE(now, start + delay);
      EXPECT_LT(now, start + delay + TimerWheel::kTick) << start << " " << delay;
      EXPECT_EQ(wheel.next_due(), kNever);
    }
  }
}

TEST(TimerWheel, what_has_passed_is_due_at_once_and_what_is_cancelled_never) {
  TimerWheel wheel(kSecond);
  TimerNode past;
  TimerNode cancelled;
  wheel.arm(past, 0);
  wheel.arm(cancelled, 2 * kSecond);
  EXPECT_EQ(wheel.pop_expired(kSecond), &past);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  EXPECT_EQ(wheel.armed(), 0U);
  EXPECT_EQ(wheel.pop_expired(1000 * kSecond), nullptr);
}

// Against a sorted map, with random arming, re-arming, cancelling and leaps of time.
TEST(TimerWheel, agrees_with_a_sorted_map) {
  std::uint64_t state = 7;
  const auto random = [&](std::uint64_t bound) { return mix64(state++) % bound; };
  TimerWheel wheel(0);
  std::vector<TimerNode> nodes(2000);
  std::map<TimerNode*, Nanos> model;
  Nanos now = 0;
  for (int round = 0; round < 20'000; ++round) {
    TimerNode& node = nodes[random(nodes.size())];
    switch (random(4)) {
      case 0:
        wheel.cancel(node);
        model.erase(&node);
        break;
      case 1:
      case 2: {
        const Nanos deadline = now + static_cast<Nanos>(random(std::uint64_t{1} << random(40)));
        wheel.arm(node, deadline);
        model[&node] = deadline;
        break;
      }
      default: {
        now += static_cast<Nanos>(random(std::uint64_t{1} << random(36)));
        std::uint64_t last_tick = 0;
        while (TimerNode* fired = wheel.pop_expired(now)) {
          ASSERT_TRUE(model.contains(fired));
          ASSERT_LE(model[fired], now);
          ASSERT_GE(fired->tick, last_tick) << "in order of ticks";
          last_tick = fired->tick;
          model.erase(fired);
        }
        for (const auto& [left, deadline] : model) ASSERT_GT(deadline, now / TimerWheel::kTick * TimerWheel::kTick);
      }
    }
    ASSERT_EQ(wheel.armed(), model.size());
  }
}

}  // namespace
}  // namespace sonde::engine
