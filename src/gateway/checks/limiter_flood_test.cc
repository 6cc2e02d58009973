// The limiter at four times its limit, in virtual time, with the schedule and the queue of a worker before it. With
// SONDE_SERIES=FILE the course of it is written there as CSV, of which tools/plot_limiter.py makes
// docs/img/limiter.svg.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include "base/mix.h"
#include "gateway/checks/schedule.h"
#include "gateway/checks/start_queue.h"

namespace sonde::gateway {
namespace {

constexpr std::array<int, 3> kChecks = {400, 500, 3100};  // by priority; each every 10 s: 4 × the limit of 100 a second
constexpr Nanos kInterval = 10 * kSecond;
constexpr Nanos kRunTime = 20 * kMillisecond;  // of a run, far less than the interval
constexpr Nanos kFlood = 60 * kSecond;
constexpr Nanos kTurn = kMillisecond;  // of the loop

pacing::LimiterOptions contract_limits() {
  return {
      .rate = 100,
      .burst = 200,
      .window = 10 * kSecond,
      .tiers = {{.from = 0, .below = 0.8, .fill = 1, .decays = false, .most_delay = 0, .sheds = {}},
                {.from = 0.8, .below = 1.5, .fill = 1.2, .decays = false, .most_delay = 50 * kMillisecond, .sheds = {}},
                {.from = 1.5, .below = 0, .fill = 1, .decays = true, .most_delay = 0, .sheds = pacing::Rank::kLow}}};
}

struct Tally {
  std::array<int, 3> due{}, started{}, shed{};
  std::array<Nanos, 3> latest{};  // the greatest lateness
};

class Flood {
 public:
  Flood() : limiter_(contract_limits()), queue_(&limiter_, 4000), schedule_(1'700'000'000 * kSecond) {}

  // Puts the checks of a priority on the schedule, or takes them off it.
  void put(std::size_t priority, Nanos now) {
    for (int i = 0; i < kChecks[priority]; ++i)
      schedule_.put(id(priority, i), kInterval, static_cast<Priority>(priority), now);
  }
  void remove(std::size_t priority) {
    for (int i = 0; i < kChecks[priority]; ++i) {
      if (queue_.remove(id(priority, i))) schedule_.done(id(priority, i));
      schedule_.remove(id(priority, i));
    }
  }

  // Runs it; what happened in that time. Once a second a line of the series.
  Tally run(Nanos from, Nanos until) {
    Tally all;
    for (Nanos now = from; now < until; now += kTurn) {
      turn(now, all);
      if (now % kSecond == 0) log(now);
    }
    return all;
  }
  pacing::LimiterView view(Nanos now) { return limiter_.view(now); }
  const std::string& series() const { return series_; }

 private:
  static CheckId id(std::size_t priority, int i) { return mix64(priority, static_cast<std::uint64_t>(i)); }

  void turn(Nanos now, Tally& tally) {
    while (!running_.empty() && running_.front().first <= now) {
      schedule_.done(running_.front().second);
      running_.erase(running_.begin());
    }
    std::vector<Turn> due, shed;
    queue_.shed_late(now, shed);
    for (const Turn& turn : shed) schedule_.done(turn.id);
    schedule_.take_due(now, due);
    for (const Turn& turn : due) {
      ++tally.due[static_cast<std::size_t>(turn.priority)];
      const std::size_t before = shed.size();
      queue_.add(turn, now, shed);
      for (std::size_t i = before; i < shed.size(); ++i) schedule_.done(shed[i].id);
    }
    for (const Turn& turn : shed) ++tally.shed[static_cast<std::size_t>(turn.priority)];
    while (const std::optional<Turn> start = queue_.take(now)) {
      const auto priority = static_cast<std::size_t>(start->priority);
      ++tally.started[priority];
      ++in_second_[priority];
      tally.latest[priority] = std::max(tally.latest[priority], now - start->due);
      running_.emplace_back(now + kRunTime, start->id);
    }
  }

  // The windows' rates, the fill, and what of each priority was started in the second that ends.
  void log(Nanos now) {
    const pacing::LimiterView view = limiter_.view(now);
    series_ += fmt::format("{},{:.1f},{:.1f},{:.3f},{}\n", now / kSecond, view.offered, view.kept, view.fill,
                           fmt::join(std::exchange(in_second_, {}), ","));
  }

  pacing::HybridLimiter limiter_;
  StartQueue queue_;
  Schedule schedule_;
  std::vector<std::pair<Nanos, CheckId>> running_;  // by the end
  std::array<int, 3> in_second_{};                  // starts
  std::string series_;
};

TEST(LimiterFlood, at_four_times_the_limit_high_runs_normal_suffers_little_low_is_shed_first) {
  Flood flood;
  for (std::size_t priority = 0; priority < 3; ++priority) flood.put(priority, 0);
  const Tally all = flood.run(0, kFlood);
  const int started = all.started[0] + all.started[1] + all.started[2];

  // What was due: 4 × the limit.
  EXPECT_NEAR(all.due[0] + all.due[1] + all.due[2], 4 * 100 * 60, 240);
  // High: every one, at once.
  EXPECT_EQ(all.started[0], all.due[0]);
  EXPECT_EQ(all.shed[0], 0);
  EXPECT_LE(all.latest[0], 2 * kTurn);
  // Normal: nearly all.
  EXPECT_GE(all.started[1], all.due[1] * 95 / 100);
  EXPECT_LE(all.shed[1], all.due[1] * 5 / 100);
  // Low: what was due before the window had seen the flood, and no more.
  EXPECT_GE(all.shed[2], all.due[2] * 90 / 100);
  // In all no more than the limit, and the burst of the beginning.
  EXPECT_LE(started, 100 * 60 + 200);
  EXPECT_GE(started, 100 * 60 * 80 / 100);
  EXPECT_EQ(flood.view(kFlood).tier, 2U);
}

TEST(LimiterFlood, behind_the_flood_everything_runs_again) {
  Flood flood;
  for (std::size_t priority = 0; priority < 3; ++priority) flood.put(priority, 0);
  flood.run(0, kFlood);
  flood.remove(2);
  flood.run(kFlood, kFlood + 20 * kSecond);
  const Tally after = flood.run(kFlood + 20 * kSecond, kFlood + 40 * kSecond);
  EXPECT_EQ(after.shed, (std::array<int, 3>{}));
  EXPECT_GE(after.started[1], after.due[1] - 10);  // a few wait for their delay
  EXPECT_EQ(flood.view(kFlood + 40 * kSecond).tier, 1U);
  EXPECT_DOUBLE_EQ(flood.view(kFlood + 40 * kSecond).fill, 1.2);

  if (const char* path = std::getenv("SONDE_SERIES")) {
    std::ofstream(path) << "second,offered,kept,fill,high,normal,low\n" << flood.series();
  }
}

}  // namespace
}  // namespace sonde::gateway
