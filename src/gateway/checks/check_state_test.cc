#include "gateway/checks/check_state.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

using results::Outcome;
using results::Phase;

Check check(std::uint32_t rise, std::uint32_t fall, std::optional<FlapOptions> flap = std::nullopt) {
  Check made;
  made.id = 7;
  made.rise = rise;
  made.fall = fall;
  made.flap = flap;
  return made;
}

CheckResult good(Nanos at) { return {.id = 7, .unix_time = at, .success = true}; }
CheckResult bad(Nanos at, Outcome outcome = Outcome::kRefused, Phase phase = Phase::kConnect) {
  return {.id = 7, .unix_time = at, .outcome = outcome, .phase = phase};
}

// Each character is a result: '+' or '-'; `state` after each of them, as the first letter of what is shown.
std::string shown_after(CheckState& state, const Check& check, std::string_view results, Nanos from = 1) {
  std::string shown;
  for (const char sign : results) {
    state.apply(check, sign == '+' ? good(from) : bad(from), false);
    ++from;
    shown += name(state.shown()).front();
  }
  return shown;
}

TEST(CheckState, is_unknown_before_rise_or_fall_is_reached_for_the_first_time) {
  CheckState state(5);
  EXPECT_EQ(state.shown(), ShownState::kUnknown);
  EXPECT_EQ(state.since(), 5);
  EXPECT_EQ(state.last(), nullptr);
  EXPECT_EQ(shown_after(state, check(2, 3), "+--+-++"), "uuuuuuu");
  EXPECT_EQ(state.status(), CheckStatus::kUp);
}

TEST(CheckState, rise_and_fall_count_results_in_a_row) {
  CheckState state;
  EXPECT_EQ(shown_after(state, check(2, 3), "++--+---+-++"), "uuuuuuuddddu");
  EXPECT_EQ(state.status(), CheckStatus::kUp);
  CheckState down;
  EXPECT_EQ(shown_after(down, check(1, 1), "-+-"), "dud");
}

TEST(CheckState, a_transition_tells_from_to_when_and_why) {
  CheckState state;
  const Check its = check(1, 2);
  std::optional<Transition> transition = state.apply(its, good(10), false);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->from, "unknown");
  EXPECT_EQ(transition->to, "up");
  EXPECT_EQ(transition->cause, "");
  EXPECT_FALSE(state.apply(its, bad(11), false));
  CheckResult failure = bad(12, Outcome::kTimeout, Phase::kFirstByte);
  failure.cause = "acked_no_reply";
  transition = state.apply(its, failure, false);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->id, 7U);
  EXPECT_EQ(transition->unix_time, 12);
  EXPECT_EQ(transition->from, "up");
  EXPECT_EQ(transition->to, "down");
  EXPECT_EQ(transition->cause, "first_byte timeout: acked_no_reply");
  EXPECT_EQ(state.since(), 12);
  EXPECT_EQ(state.transitions(7).size(), 2U);
  EXPECT_EQ(state.last()->cause, "acked_no_reply");
}

TEST(CheckState, flaps_from_high_until_below_low_and_keeps_its_firm_status) {
  CheckState state;
  const Check its = check(1, 1, FlapOptions{.window = 8, .high = 0.5, .low = 0.25});
  EXPECT_EQ(shown_after(state, its, "++++"), "uuuu");
  EXPECT_EQ(shown_after(state, its, "-+-"), "dud");  // three changes of eight
  EXPECT_EQ(shown_after(state, its, "+"), "f");      // the fourth
  EXPECT_TRUE(state.flapping());
  EXPECT_EQ(state.status(), CheckStatus::kDown);
  EXPECT_EQ(shown_after(state, its, "++++++"), "ffffff");  // two changes are left: as many as low
  EXPECT_EQ(state.status(), CheckStatus::kDown);
  EXPECT_EQ(shown_after(state, its, "+"), "u");
  const std::vector<Transition> transitions = state.transitions(7);
  EXPECT_EQ(transitions.back().from, "flapping");
  EXPECT_EQ(transitions.back().to, "up");
}

TEST(CheckState, what_came_before_the_window_is_forgotten) {
  CheckState state;
  const Check its = check(1, 1, FlapOptions{.window = 4, .high = 0.75, .low = 0.5});
  EXPECT_EQ(shown_after(state, its, "+-+++-++++-+++"), "uduuuduuuuduuu");
  CheckState wide;
  const Check widest = check(1, 1, FlapOptions{.window = 1000, .high = 0.5, .low = 0.25});
  std::string signs;
  for (int i = 0; i < 33; ++i) signs += i % 2 == 0 ? '+' : '-';
  EXPECT_EQ(shown_after(wide, widest, signs).back(), 'f');  // 32 changes of 64
}

TEST(CheckState, without_damping_any_more_it_no_longer_flaps) {
  CheckState state;
  shown_after(state, check(1, 1, FlapOptions{.window = 4, .high = 0.5, .low = 0.25}), "+-+");
  EXPECT_TRUE(state.flapping());
  EXPECT_EQ(shown_after(state, check(1, 1), "+"), "u");
}

TEST(CheckState, failures_while_the_own_network_is_down_are_kept_and_do_not_count) {
  CheckState state;
  const Check its = check(1, 2);
  shown_after(state, its, "+-");
  for (Nanos at = 10; at < 20; ++at) EXPECT_FALSE(state.apply(its, bad(at), true));
  EXPECT_EQ(state.status(), CheckStatus::kUp);
  EXPECT_EQ(state.last()->unix_time, 19);
  EXPECT_FALSE(state.last_counted());
  EXPECT_EQ(shown_after(state, its, "-"), "d");  // the second that counts
  EXPECT_TRUE(state.last_counted());
  EXPECT_TRUE(state.apply(its, good(30), true));  // a success is one
}

TEST(CheckState, this_machines_faults_never_turn_a_check_down) {
  CheckState state;
  const Check its = check(1, 1);
  shown_after(state, its, "+");
  state.apply(its, bad(2, Outcome::kLocalError), false);
  state.apply(its, bad(3, Outcome::kCancelled), false);
  EXPECT_EQ(state.status(), CheckStatus::kUp);
}

TEST(CheckState, keeps_the_last_transitions_and_no_more) {
  CheckState state;
  std::string signs;
  for (int i = 0; i < 100; ++i) signs += i % 2 == 0 ? '+' : '-';
  shown_after(state, check(1, 1), signs);
  const std::vector<Transition> transitions = state.transitions(7);
  ASSERT_EQ(transitions.size(), CheckState::kMostTransitions);
  EXPECT_EQ(transitions.front().unix_time, 69);
  EXPECT_EQ(transitions.back().unix_time, 100);
}

CheckState lived() {
  CheckState state(3);
  shown_after(state, check(1, 2, FlapOptions{.window = 8}), "+--+-+-", 100);
  CheckResult last = bad(200, Outcome::kProtocolError, Phase::kRead);
  last.cause = "status_code";
  last.error = "status 500";
  last.timing_us.fill(-1);
  last.timing_us[1] = 143;
  last.lateness = 12'345;
  state.apply(check(1, 2), last, true);
  return state;
}

TEST(CheckState, survives_saving_and_goes_on_as_if_nothing_had_been) {
  CheckState state = lived();
  Parsed<CheckState> restored = CheckState::restore(state.save());
  ASSERT_TRUE(restored) << restored.error().text;
  EXPECT_EQ(restored->save(), state.save());
  EXPECT_EQ(restored->shown(), state.shown());
  EXPECT_EQ(restored->since(), state.since());
  EXPECT_EQ(restored->last()->error, "status 500");
  EXPECT_EQ(restored->last()->timing_us, state.last()->timing_us);
  EXPECT_EQ(restored->last()->lateness, 12'345);
  EXPECT_FALSE(restored->last_counted());
  EXPECT_EQ(restored->transitions(7).size(), state.transitions(7).size());
  const Check its = check(2, 2, FlapOptions{.window = 8});
  EXPECT_EQ(shown_after(*restored, its, "-++++---++-+"), shown_after(state, its, "-++++---++-+"));
}

TEST(CheckState, a_damaged_form_is_refused) {
  const std::string saved = lived().save();
  for (std::size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(CheckState::restore(std::string_view(saved).substr(0, size))) << size;
  EXPECT_FALSE(CheckState::restore(saved + '\0'));
  std::string other = saved;
  other[0] = 9;
  EXPECT_FALSE(CheckState::restore(other));
  EXPECT_TRUE(CheckState::restore(CheckState().save()));
}

TEST(CheckState, long_texts_are_cut_where_they_are_saved) {
  CheckState state;
  CheckResult long_one = bad(1);
  long_one.error.assign(100'000, 'x');
  state.apply(check(1, 1), long_one, false);
  const Parsed<CheckState> restored = CheckState::restore(state.save());
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->last()->error.size(), 1024U);
}

}  // namespace
}  // namespace sonde::gateway
