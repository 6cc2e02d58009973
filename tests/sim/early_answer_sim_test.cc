// Peers that answer what we have not finished saying: what a probe says then waits behind what is being written, within
// a bound, and so does its farewell.
#include <gtest/gtest.h>

#include "hook_probe.h"

namespace sonde::testing_sim {
namespace {

using engine::ProbeContext;
using engine::Step;
using population::Act;
using results::Outcome;
using results::Phase;

Act says(std::string_view bytes) { return {.kind = Act::Kind::kSend, .bytes = bytes}; }
Act pauses(Nanos pause) { return {.kind = Act::Kind::kPause, .pause = pause}; }

// Speaks four times without having heard anything.
const std::vector<Act> kImpatient = {says("a"), pauses(5 * kMillisecond), says("b"), pauses(5 * kMillisecond),
                                     says("c"), pauses(5 * kMillisecond), says("d")};

Hooks::Hook says_first(std::string_view text) {
  return [text](ProbeContext&, Seen&) { return Step::send(as_bytes(text)); };
}

// Answers every byte of the peer, and is done at the third, with a farewell.
Hooks answers(std::string_view farewell) {
  return {.start = says_first("0"), .bytes = [farewell](ProbeContext&, Seen& seen) {
            if (seen.bytes == 3) return Step::done(Outcome::kSuccess).after(as_bytes(farewell));
            return Step::send(as_bytes(seen.bytes == 1 ? "1" : "2"));
          }};
}

TEST(EarlyAnswer, what_is_said_meanwhile_follows_the_write_in_its_order) {
  const OneScript script(kImpatient);
  Hooks hooks = answers("bye");
  SimHookRun run(hooks, script, {.concurrency = 20}, 20);
  run->backend.writes_told_after = 100 * kMillisecond;
  run->run();
  ASSERT_EQ(run->consumer.kept.size(), 20U);
  for (const Kept& record : run->consumer.kept) EXPECT_EQ(record.outcome, Outcome::kSuccess);
  ASSERT_EQ(run->backend.closed.size(), 20U);
  for (const BentBackend::Closed& closed : run->backend.closed) EXPECT_EQ(closed.written, "012bye");
  EXPECT_EQ(hooks.live, 0);
  EXPECT_EQ(run.pool.stats().in_use, 0U);
}

TEST(EarlyAnswer, a_farewell_behind_a_write_that_is_not_taken_is_given_up_after_a_second) {
  const OneScript script(kImpatient);
  Hooks hooks = answers("bye");
  SimHookRun run(hooks, script, {.concurrency = 1});
  run->backend.stuck = "0";
  run->run();
  ASSERT_EQ(run->backend.closed.size(), 1U);
  EXPECT_EQ(run->backend.closed.front().written, "0");
  EXPECT_EQ(run->backend.closed.front().mode, io::CloseMode::kReset);
  const std::int64_t total_us = timing(run->consumer.kept.front(), Phase::kDone);
  EXPECT_LT(total_us, 50'000) << "the record does not wait for it";
  EXPECT_NEAR(static_cast<double>(run->backend.closed.front().at), 1e9 + 1e9 + 20e6, 15e6);
  EXPECT_EQ(run.pool.stats().in_use, 0U);
}

TEST(EarlyAnswer, more_than_may_wait_behind_a_write_is_a_protocol_error_and_no_abort) {
  static const std::string kHalf(32 << 10, 'x');
  static const std::string kByte = "y";
  for (const std::size_t may_wait : {std::size_t{64} << 10, std::size_t{65} << 10}) {
    const bool over = may_wait == std::size_t{64} << 10;
    const OneScript script(kImpatient);
    Hooks hooks{.start = says_first("0"),
                .bytes =
                    [](ProbeContext&, Seen& seen) {
                      if (seen.bytes < 3) return Step::send(as_bytes(kHalf));
                      if (seen.bytes == 3) return Step::send(as_bytes(kByte));
                      return Step::done(Outcome::kSuccess);
                    },
                .most_unsent = may_wait};
    SimHookRun run(hooks, script, {.concurrency = 1});
    run->backend.stuck = "0";
    run->run();
    ASSERT_EQ(run->consumer.kept.size(), 1U);
    const Kept& record = run->consumer.kept.front();
    EXPECT_EQ(record.outcome, over ? Outcome::kProtocolError : Outcome::kSuccess);
    EXPECT_EQ(record.text(1), over ? "protocol_error" : "success") << "the probe is told";
    if (over) {
      EXPECT_EQ(record.error, "the peer asks on and on, and takes nothing");
    }
    EXPECT_EQ(run->backend.closed.front().written, "0");
    EXPECT_EQ(run.pool.stats().in_use, 0U);
  }
}

TEST(EarlyAnswer, a_cut_gives_back_what_waits) {
  const OneScript script(kImpatient);
  Hooks hooks = answers("bye");
  SimHookRun run(hooks, script, {.concurrency = 1});
  run->backend.stuck = "0";
  while (run->consumer.kept.empty()) run->shard->turn(run->backend.now() + kMillisecond);
  EXPECT_GT(run.pool.stats().in_use, 0U);
  run->shard->cut();
  EXPECT_EQ(run.pool.stats().in_use, 0U);
  EXPECT_EQ(run.simulator.open(), 0U);
}

}  // namespace
}  // namespace sonde::testing_sim
