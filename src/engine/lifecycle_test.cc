#include "engine/lifecycle.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace sonde::engine {
namespace {

Lifecycle at(std::initializer_list<State> path) {
  Lifecycle lifecycle;
  AuditLog log(true);
  for (const State state : path) EXPECT_TRUE(lifecycle.move(state, {}, log));
  return lifecycle;
}

TEST(Lifecycle, the_whole_way_is_allowed) {
  const Lifecycle lifecycle = at({State::kConnecting, State::kConnected, State::kHandshaking, State::kActive,
                                  State::kIdle, State::kActive, State::kClosing, State::kClosed});
  EXPECT_EQ(lifecycle.state(), State::kClosed);
}

TEST(Lifecycle, only_active_may_become_idle) {
  for (std::size_t from = 0; from < kStateNames.size(); ++from)
    EXPECT_EQ(may_move(static_cast<State>(from), State::kIdle), static_cast<State>(from) == State::kActive)
        << kStateNames[from];
}

TEST(Lifecycle, a_handshake_follows_the_connection_or_a_dialogue_in_the_clear) {
  for (std::size_t from = 0; from < kStateNames.size(); ++from) {
    const auto state = static_cast<State>(from);
    EXPECT_EQ(may_move(state, State::kHandshaking),
              state == State::kConnected || state == State::kAccepted || state == State::kActive)
        << kStateNames[from];
  }
  const Lifecycle starttls = at({State::kConnecting, State::kConnected, State::kActive, State::kHandshaking,
                                 State::kActive, State::kClosing, State::kClosed});
  EXPECT_EQ(starttls.history(), "Init Connecting Connected Active Handshaking Active Closing Closed");
}

TEST(Lifecycle, the_table_has_so_many_moves) {
  int moves = 0;
  for (std::size_t from = 0; from < kStateNames.size(); ++from)
    for (std::size_t to = 0; to < kStateNames.size(); ++to)
      moves += may_move(static_cast<State>(from), static_cast<State>(to)) ? 1 : 0;
  EXPECT_EQ(moves, 25);
}

TEST(Lifecycle, nothing_leaves_closed_and_closing_only_closes) {
  for (std::size_t to = 0; to < kStateNames.size(); ++to) {
    EXPECT_FALSE(may_move(State::kClosed, static_cast<State>(to)));
    EXPECT_EQ(may_move(State::kClosing, static_cast<State>(to)), static_cast<State>(to) == State::kClosed);
  }
}

TEST(Lifecycle, idle_after_timeout_never_becomes_active) {
  AuditLog log(false);
  Lifecycle lifecycle = at({State::kConnecting, State::kConnected, State::kActive, State::kIdle});
  lifecycle.expire_idle();
  EXPECT_FALSE(lifecycle.move(State::kActive, {}, log));
  EXPECT_EQ(lifecycle.state(), State::kIdle);
  EXPECT_TRUE(lifecycle.move(State::kClosing, {}, log));
  EXPECT_FALSE(lifecycle.accepts_writes());
}

TEST(Lifecycle, an_illegal_move_is_counted_and_told_with_the_last_states) {
  AuditLog log(false);
  Lifecycle lifecycle = at({State::kConnecting, State::kConnected});
  testing::internal::CaptureStderr();
  EXPECT_FALSE(lifecycle.move(State::kIdle, {.index = 7, .generation = 3}, log));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "sonde: bug: connection 7.3 may not become Idle; its states were: Init Connecting Connected\n");
  EXPECT_EQ(log.illegal_moves(), 1U);
}

TEST(LifecycleDeathTest, an_illegal_move_is_fatal_where_the_log_says_so) {
  AuditLog log(true);
  Lifecycle lifecycle;
  EXPECT_DEATH(lifecycle.move(State::kActive, {}, log), "illegal move");
}

}  // namespace
}  // namespace sonde::engine
