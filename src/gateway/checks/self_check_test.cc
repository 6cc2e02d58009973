#include "gateway/checks/self_check.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

CheckResult run(CheckId id, bool success, Nanos at = 1) {
  return {.id = id,
          .unix_time = at,
          .success = success,
          .outcome = success ? results::Outcome::kSuccess : results::Outcome::kTimeout};
}

TEST(SelfCheck, the_network_is_down_when_all_targets_fail_and_up_with_the_first_that_works) {
  SelfCheck self({1, 2});
  EXPECT_FALSE(self.record(run(1, false)));
  EXPECT_EQ(name(self.state()), "ok");
  EXPECT_TRUE(self.record(run(2, false, 9)));
  EXPECT_EQ(name(self.state()), "network_down");
  EXPECT_EQ(self.since(), 9);
  EXPECT_FALSE(self.record(run(1, false, 10)));
  EXPECT_TRUE(self.record(run(1, true, 11)));
  EXPECT_EQ(self.state(), SelfState::kOk);
  EXPECT_EQ(self.since(), 11);
}

TEST(SelfCheck, this_machines_own_fault_is_a_failure_a_cut_run_is_none) {
  SelfCheck self({1});
  CheckResult cut = run(1, false);
  cut.outcome = results::Outcome::kCancelled;
  EXPECT_FALSE(self.record(cut));
  CheckResult local = run(1, false);
  local.outcome = results::Outcome::kLocalError;
  EXPECT_TRUE(self.record(local));
}

TEST(SelfCheck, other_checks_and_no_targets_at_all_are_always_ok) {
  SelfCheck self({1});
  EXPECT_FALSE(self.record(run(3, false)));
  EXPECT_FALSE(self.has(3));
  SelfCheck none({});
  EXPECT_FALSE(none.record(run(1, false)));
  EXPECT_EQ(none.state(), SelfState::kOk);
}

}  // namespace
}  // namespace sonde::gateway
