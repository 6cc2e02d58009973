#include "gateway/checks/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/mix.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kOffset = 1'700'000'000 * kSecond;  // of the wall clock, at the start of every test
constexpr Nanos kMinute = 60 * kSecond;

// Runs a schedule in virtual time; every turn is done at once. Calls between(now) before each look.
template <typename Between>
std::vector<Turn> run(Schedule& schedule, Nanos from, Nanos until, Between between) {
  std::vector<Turn> turns;
  for (Nanos now = from; now < until;) {
    between(now);
    std::vector<Turn> due;
    schedule.take_due(now, due);
    for (const Turn& turn : due) schedule.done(turn.id);
    turns.insert(turns.end(), due.begin(), due.end());
    now = std::max(now + 1, std::min(schedule.next_due(), now + kSecond));
  }
  return turns;
}
std::vector<Turn> run(Schedule& schedule, Nanos from, Nanos until) {
  return run(schedule, from, until, [](Nanos) {});
}

TEST(Schedule, turns_lie_where_the_wall_clock_fits_the_phase) {
  Schedule schedule(kOffset);
  for (CheckId id = 1; id <= 50; ++id) schedule.put(id, kMinute, Priority::kNormal, 5);
  const std::vector<Turn> turns = run(schedule, 5, 5 + 10 * kMinute);
  EXPECT_EQ(turns.size(), 500U);
  for (const Turn& turn : turns) {
    EXPECT_EQ((turn.due + kOffset) % kMinute, phase_of(turn.id, kMinute));
    EXPECT_EQ(turn.next_due, turn.due + kMinute);
  }
  EXPECT_TRUE(std::ranges::is_sorted(turns, {}, &Turn::due));
}

TEST(Schedule, a_restart_keeps_every_turn_where_it_would_have_been) {
  Schedule first(kOffset), second(kOffset + 77 * kSecond);  // its steady clock began later
  first.put(9, kMinute, Priority::kNormal, 0);
  second.put(9, kMinute, Priority::kNormal, 10 * kMinute);
  EXPECT_EQ((first.next_due() + kOffset) % kMinute, (second.next_due() + kOffset + 77 * kSecond) % kMinute);
}

TEST(Schedule, a_successor_goes_on_with_the_turns_that_were_not_taken_and_no_others) {
  // What one reads as the wall clock's distance is never quite what the other reads.
  Schedule first(kOffset), second(kOffset + 700);
  constexpr Nanos kHandedOver = 90 * kSecond + 5;
  for (CheckId id = 0; id < 1000; ++id) {
    first.put(id, 10 * kSecond, Priority::kNormal, 0);
    second.put(id, 10 * kSecond, Priority::kNormal, kHandedOver - 7 * kSecond);
  }
  std::map<CheckId, int> ran;
  for (const Turn& turn : run(first, 0, kHandedOver)) ++ran[turn.id];
  for (CheckId id = 0; id < 1000; ++id)
    second.resume(id, 10 * kSecond, first.next_due(id), false, kHandedOver + kSecond);
  for (const Turn& turn : run(second, kHandedOver + 2 * kSecond, 200 * kSecond)) ++ran[turn.id];  // it began late
  for (CheckId id = 0; id < 1000; ++id) EXPECT_EQ(ran[id], 20) << id;
}

TEST(Schedule, a_run_that_goes_on_in_the_predecessor_keeps_its_check_from_running) {
  Schedule schedule(kOffset);
  schedule.put(1, kSecond, Priority::kNormal, 0);
  schedule.resume(1, kSecond, kSecond, true, kSecond);
  std::vector<Turn> due;
  schedule.take_due(kSecond, due);
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(schedule.skipped()[1], 1U);
  schedule.done(1);
  schedule.take_due(2200 * kMillisecond, due);
  EXPECT_EQ(due.size(), 1U);
}

TEST(Schedule, a_turn_of_a_predecessor_that_cannot_be_is_not_believed) {
  const Nanos now = 100 * kMinute;
  for (const auto& [interval, due] : {std::pair{2 * kMinute, now + 5},
                                      {kMinute, now + 2 * kMinute},
                                      {kMinute, now - 2 * kMinute},
                                      {kMinute, kNever},
                                      {kMinute, INT64_MIN}}) {
    Schedule schedule(kOffset);
    schedule.put(1, kMinute, Priority::kNormal, 0);
    schedule.resume(1, interval, due, false, now);
    EXPECT_EQ((schedule.next_due() + kOffset) % kMinute, phase_of(1, kMinute)) << due;
    EXPECT_GE(schedule.next_due(), now);
    EXPECT_LT(schedule.next_due(), now + kMinute);
  }
}

TEST(Schedule, checks_are_spread_evenly) {
  Schedule schedule(kOffset);
  for (CheckId id = 0; id < 60'000; ++id) schedule.put(mix64(id), kMinute, Priority::kNormal, 0);
  std::map<Nanos, int> by_second;
  for (const Turn& turn : run(schedule, 0, kMinute)) ++by_second[turn.due / kSecond];
  EXPECT_EQ(by_second.size(), 60U);
  for (const auto& [second, count] : by_second) EXPECT_NEAR(count, 1000, 160) << second;  // five deviations
}

TEST(Schedule, a_check_that_still_runs_skips_its_turns_and_they_are_counted) {
  Schedule schedule(kOffset);
  schedule.put(1, kSecond, Priority::kLow, 0);
  std::vector<Turn> due;
  for (Nanos now = 0; now < 5 * kSecond; now += 100 * kMillisecond) schedule.take_due(now, due);
  EXPECT_EQ(due.size(), 1U);
  EXPECT_EQ(schedule.skipped()[2], 4U);
  schedule.done(1);
  for (Nanos now = 5 * kSecond; now < 6 * kSecond; now += 100 * kMillisecond) schedule.take_due(now, due);
  EXPECT_EQ(due.size(), 2U);
}

TEST(Schedule, what_is_put_again_keeps_its_timer_unless_its_interval_changes) {
  Schedule schedule(kOffset);
  schedule.put(1, kMinute, Priority::kNormal, 0);
  const Nanos due = schedule.next_due(1);
  schedule.put(1, kMinute, Priority::kHigh, due - 1);
  EXPECT_EQ(schedule.next_due(1), due);
  schedule.put(1, 7 * kSecond, Priority::kHigh, 30 * kSecond);
  EXPECT_GE(schedule.next_due(1), 30 * kSecond);
  EXPECT_LT(schedule.next_due(1), 37 * kSecond);
  EXPECT_EQ(schedule.size(), 1U);
  std::vector<Turn> out;
  schedule.take_due(37 * kSecond, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].priority, Priority::kHigh);
}

TEST(Schedule, a_check_that_is_removed_while_it_runs_and_comes_back_waits_for_its_run) {
  Schedule schedule(kOffset);
  schedule.put(1, kSecond, Priority::kNormal, 0);
  std::vector<Turn> out;
  schedule.take_due(kSecond, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_TRUE(schedule.remove(1));
  EXPECT_FALSE(schedule.remove(1));
  EXPECT_FALSE(schedule.contains(1));
  EXPECT_EQ(schedule.next_due(), kNever);
  schedule.put(1, kSecond, Priority::kNormal, kSecond);
  schedule.take_due(3 * kSecond - 1, out);
  EXPECT_EQ(out.size(), 1U);
  schedule.done(1);
  schedule.take_due(4 * kSecond - 1, out);
  EXPECT_EQ(out.size(), 2U);
  schedule.remove(1);
  schedule.done(1);
  schedule.done(1);  // of one that is gone: nothing
  EXPECT_EQ(schedule.size(), 0U);
}

// Whatever the step, and for every check: from one turn to the next nine to eleven tenths of an interval, and after
// five turns the phase fits.
TEST(Schedule, a_step_of_the_wall_clock_neither_bursts_nor_starves) {
  constexpr Nanos kStepAt = 5 * kMinute;
  for (const Nanos step : {3600 * kSecond, -3600 * kSecond, 31 * kSecond, -29 * kSecond, kMillisecond,
                           -3 * kMillisecond, -400'000'000 * kSecond}) {
    Schedule schedule(kOffset);
    for (CheckId id = 0; id < 500; ++id) schedule.put(id, kMinute, Priority::kNormal, 0);
    const auto stepped = [&](Nanos now) {
      if (now >= kStepAt) schedule.set_wall_offset(kOffset + step);
    };
    std::map<CheckId, Turn> last;
    std::map<Nanos, int> by_second;
    for (const Turn& turn : run(schedule, 0, 20 * kMinute, stepped)) {
      ++by_second[turn.due / kSecond];
      if (const auto before = last.find(turn.id); before != last.end()) {
        EXPECT_GE(turn.due - before->second.due, kMinute * 9 / 10);
        EXPECT_LE(turn.due - before->second.due, kMinute * 11 / 10);
      }
      if (turn.due > kStepAt + 7 * kMinute) {
        EXPECT_EQ((turn.due + kOffset + step) % kMinute, phase_of(turn.id, kMinute));
      }
      last[turn.id] = turn;
    }
    for (const auto& [second, count] : by_second) EXPECT_LE(count, 30) << second;  // 8.3 in the mean
    EXPECT_EQ(last.size(), 500U);
    EXPECT_EQ(schedule.skipped()[1], 0U);
  }
}

TEST(Schedule, behind_a_long_stop_turns_are_missed_and_the_next_come_spread) {
  Schedule schedule(kOffset);
  for (CheckId id = 0; id < 6000; ++id) schedule.put(id, kMinute, Priority::kNormal, 0);
  run(schedule, 0, kMinute);
  constexpr Nanos kBack = 61 * kMinute;
  std::map<Nanos, int> by_second;
  for (const Turn& turn : run(schedule, kBack, kBack + kMinute)) ++by_second[turn.due / kSecond];
  for (const auto& [second, count] : by_second) EXPECT_LT(count, 160) << second;
  EXPECT_EQ(schedule.skipped()[1], 6000U * 60);
}

TEST(Schedule, an_empty_one_is_never_due) {
  Schedule schedule(kOffset);
  std::vector<Turn> out;
  schedule.take_due(kMinute, out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(schedule.next_due(), kNever);
}

}  // namespace
}  // namespace sonde::gateway
