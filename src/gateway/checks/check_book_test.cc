#include "gateway/checks/check_book.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

constexpr Nanos kOffset = 1'700'000'000 * kSecond;
constexpr Nanos kStep = 100 * kMillisecond;

class Kept final : public ResultListener {
 public:
  void on_result(const Check&, const CheckResult& result, const Transition* transition) override {
    results.push_back(result);
    transitions += transition != nullptr ? 1 : 0;
  }
  std::vector<CheckResult> results;
  std::size_t transitions = 0;
};

// One check, every second.
class BookTest : public testing::Test {
 protected:
  BookTest() {
    auto check = std::make_shared<Check>();
    check->id = 7;
    check->interval = kSecond;
    book_.change({check}, {}, 0, nullptr);
  }
  // The worker has no room for what is due.
  void run(Nanos from, Nanos until) {
    for (Nanos now = from; now < until; now += kStep)
      book_.begin(now, now + kOffset, 0, [](std::unique_ptr<probes::CheckRun>, RunDone) { FAIL(); });
  }

  Kept told_;
  std::atomic<bool> network_down_{false};
  CheckBook book_{told_, network_down_, kOffset};
};

TEST_F(BookTest, a_turn_that_is_shed_does_not_cost_the_next) {
  run(0, 10 * kSecond);
  const CheckBook::Counts figures = book_.counts();
  EXPECT_EQ(figures.shed[1], 9U);  // the tenth waits
  EXPECT_EQ(figures.skipped[1], 0U);
  EXPECT_EQ(figures.waiting, 1U);
}

TEST_F(BookTest, an_own_fault_is_told_though_it_counts_for_nothing) {
  std::unique_ptr<probes::CheckRun> run;
  RunDone done;
  book_.begin(kSecond, kSecond + kOffset, 1, [&](std::unique_ptr<probes::CheckRun> started, RunDone told) {
    run = std::move(started);
    done = std::move(told);
  });
  ASSERT_TRUE(run);
  run->ending.outcome = results::Outcome::kLocalError;
  done(std::move(run));
  ASSERT_EQ(told_.results.size(), 1U) << "or a self check would never fail by it";
  EXPECT_EQ(told_.results[0].outcome, results::Outcome::kLocalError);
  EXPECT_EQ(told_.transitions, 0U);
  EXPECT_EQ(book_.counts().local_faults, 1U);
  book_.look(7, [](const CheckView& view) { EXPECT_EQ(view.runs, 0U); });
}

TEST_F(BookTest, held_it_begins_nothing_and_waits_for_nothing) {
  run(0, 5 * kSecond);
  const std::uint64_t shed = book_.counts().shed[1];
  book_.hold(true);
  run(5 * kSecond, 8 * kSecond);
  EXPECT_EQ(book_.counts().shed[1], shed);
  EXPECT_EQ(book_.next_time(8 * kSecond), kNever);
  book_.hold(false);
  EXPECT_LE(book_.next_time(8 * kSecond), 8 * kSecond);
}

TEST_F(BookTest, a_turn_that_waits_for_its_start_is_handed_over_as_not_begun) {
  run(0, 5 * kSecond);
  ASSERT_EQ(book_.counts().waiting, 1U);
  book_.hold(true);
  const auto handed = book_.handed(7);
  ASSERT_TRUE(handed);
  EXPECT_LT(handed->next_due, 5 * kSecond);
  EXPECT_FALSE(handed->running);
  std::size_t all = 0;
  book_.for_each_handed([&](const HandedCheck& check) {
    EXPECT_EQ(check, *handed);
    ++all;
  });
  EXPECT_EQ(all, 1U);
  EXPECT_FALSE(book_.handed(8));
}

}  // namespace
}  // namespace sonde::gateway
