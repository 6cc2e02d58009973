// The seam's promises in virtual time: exact deadlines, farewells, limits on further connections, cuts, late fields.
#include <gtest/gtest.h>

#include <set>

#include "hook_probe.h"

namespace sonde::testing_sim {
namespace {

using engine::ProbeContext;
using engine::ShardOptions;
using engine::Step;
using population::Act;
using population::Arrival;
using results::Outcome;
using results::Phase;

const std::vector<Act> kMute;
const std::vector<Act> kSpeaks = {{.kind = Act::Kind::kSend, .bytes = "hi"}};

Hooks::Hook done(std::string_view farewell = {}, bool graceful = false) {
  return [farewell, graceful](ProbeContext&, Seen&) {
    Step step = Step::done(Outcome::kSuccess).after(as_bytes(farewell));
    step.graceful = graceful;
    return step;
  };
}

Step more(ProbeContext&, Seen&) { return Step::more(); }

// Reconnects as soon as it is connected until `connections` were made.
Hooks::Hook connects(std::uint32_t connections) {
  return [connections](ProbeContext& context, Seen&) {
    return context.connection + 1 < connections ? Step::reconnect() : Step::done(Outcome::kSuccess);
  };
}

Hooks handshaking() {
  return {.start =
              [](ProbeContext& context, Seen&) {
                context.handshaking = true;
                return Step::more();
              },
          .bytes = more};
}

TEST(SeamSim, the_handshakes_deadline_is_exact_and_the_total_bounds_it) {
  const OneScript mute(kMute);
  for (const Nanos total : {15 * kSecond, 400 * kMillisecond}) {
    Hooks hooks = handshaking();
    SimHookRun run(
        hooks, mute,
        {.concurrency = 50, .tls_timeout = 700 * kMillisecond, .read_timeout = 100 * kMillisecond, .timeout = total},
        50);
    run->run();
    ASSERT_EQ(run->consumer.kept.size(), 50U);
    for (const Kept& record : run->consumer.kept) {
      EXPECT_EQ(record.phase, Phase::kTls);
      EXPECT_NEAR(timing(record, Phase::kDone), total == 15 * kSecond ? 710'000 : 400'000, 1000);
      EXPECT_NEAR(timing(record, Phase::kTls), timing(record, Phase::kDone) - 10'000, 1);
    }
  }
}

TEST(SeamSim, a_later_handshake_has_a_deadline_of_its_own_too) {
  const OneScript mute(kMute);
  Hooks hooks = handshaking();
  hooks.deadline = [](ProbeContext& context, Seen&) {
    return context.connection < 2 ? Step::reconnect() : Step::done(Outcome::kTimeout);
  };
  SimHookRun run(hooks, mute, {.concurrency = 1, .tls_timeout = 700 * kMillisecond, .retries = 5});
  const Nanos from = run->backend.now();
  run->run();
  ASSERT_EQ(run->consumer.kept.size(), 1U);
  const Kept& record = run->consumer.kept.front();
  EXPECT_EQ(starts_of(record), 3);
  EXPECT_NEAR(static_cast<double>(run->backend.now() - from), 3 * 710e6, 5e6);
  EXPECT_NEAR(timing(record, Phase::kDone), 710'000, 1000) << "the total is of the first connection";
  EXPECT_EQ(record.cause, results::Cause::kAckedNoReply) << "and so is the cause";
  EXPECT_EQ(run->shard->stats().retries.value(), 0U) << "retries are not for later connections";
  EXPECT_EQ(run->shard->stats().attempts.value(), 3U);
}

TEST(SeamSim, a_connection_that_was_waited_on_in_vain_tells_the_cause_if_all_ends_in_a_timeout) {
  for (const Outcome verdict : {Outcome::kTimeout, Outcome::kSuccess}) {
    const OneScript mute(kMute);
    Hooks hooks{.start =
                    [verdict](ProbeContext& context, Seen&) {
                      if (context.connection > 0) return Step::done(verdict);
                      context.wake_at = context.now + 300 * kMillisecond;
                      return Step::send(as_bytes("hello"));
                    },
                .bytes = more,
                .wake = [](ProbeContext&, Seen&) { return Step::reconnect(Outcome::kTimeout); }};
    SimHookRun run(hooks, mute, {.concurrency = 1});
    run->run();
    ASSERT_EQ(run->consumer.kept.size(), 1U);
    const Kept& record = run->consumer.kept.front();
    const bool timeout = verdict == Outcome::kTimeout;
    EXPECT_EQ(record.outcome, verdict);
    EXPECT_EQ(record.cause, timeout ? results::Cause::kAckedNoReply : results::Cause::kNone);
    EXPECT_EQ(record.rtt_us.has_value(), timeout) << "only timeouts are told of";
  }
}

// Longer than what goes out with the close: it is written, and waited for.
const std::string& long_bye() {
  static const std::string text(io::Backend::kMostFarewell + 1, 'b');
  return text;
}

TEST(SeamSim, a_short_farewell_goes_out_with_the_close) {
  for (const bool graceful : {false, true}) {
    const OneScript mute(kMute);
    Hooks hooks{.start = done("bye", graceful), .bytes = more};
    SimHookRun run(hooks, mute, {.concurrency = 1});
    const Nanos from = run->backend.now() + 10 * kMillisecond;
    run->run();
    ASSERT_EQ(run->backend.closed.size(), 1U);
    EXPECT_EQ(run->backend.closed.front().written, "bye");
    EXPECT_EQ(run->backend.closed.front().mode, graceful ? io::CloseMode::kGraceful : io::CloseMode::kReset);
    EXPECT_EQ(run->backend.closed.front().at, from) << "at the verdict";
    EXPECT_EQ(run.pool.stats().in_use, 0U);
  }
}

TEST(SeamSim, a_farewell_is_written_before_the_close_and_behind_the_record) {
  for (const bool graceful : {false, true}) {
    const OneScript mute(kMute);
    Hooks hooks{.start = done(long_bye(), graceful), .bytes = more};
    SimHookRun run(hooks, mute, {.concurrency = 40}, 40);
    bool parting = false;
    while (run->shard->turn(run->backend.now() + kSecond)) {
      const std::size_t open = run->consumer.kept.size() - run->backend.closed.size();
      parting = parting || open > 0;
      EXPECT_EQ(run->shard->pending().size() + run->consumer.kept.size(), 40U) << "who says farewell is not pending";
    }
    EXPECT_TRUE(parting) << "some write must have taken its time";
    ASSERT_EQ(run->backend.closed.size(), 40U);
    for (const BentBackend::Closed& closed : run->backend.closed) {
      EXPECT_EQ(closed.written, long_bye());
      EXPECT_EQ(closed.mode, graceful ? io::CloseMode::kGraceful : io::CloseMode::kReset);
    }
    for (const Kept& record : run->consumer.kept)
      EXPECT_EQ(timing(record, Phase::kDone), 10'000) << "the farewell is not in the total";
    EXPECT_EQ(hooks.live, 0);
    EXPECT_EQ(run.pool.stats().in_use, 0U);
  }
}

TEST(SeamSim, a_farewell_that_is_not_taken_ends_in_a_reset_after_a_second) {
  const OneScript mute(kMute);
  Hooks hooks{.start = done(long_bye(), true), .bytes = more};
  SimHookRun run(hooks, mute, {.concurrency = 1});
  run->backend.stuck = long_bye();
  const Nanos from = run->backend.now() + 10 * kMillisecond;
  run->run();
  ASSERT_EQ(run->backend.closed.size(), 1U);
  EXPECT_EQ(run->backend.closed.front().mode, io::CloseMode::kReset);
  EXPECT_NEAR(static_cast<double>(run->backend.closed.front().at - from), 1e9, 1e6);
  EXPECT_EQ(run->consumer.kept.size(), 1U);
  EXPECT_EQ(run.pool.stats().in_use, 0U);
}

TEST(SeamSim, a_cut_ends_a_farewell_at_once) {
  for (const bool records : {false, true}) {
    const OneScript mute(kMute);
    Hooks hooks{.start = done(long_bye(), true), .bytes = more};
    SimHookRun run(hooks, mute, {.concurrency = 1, .cut_records = records});
    run->backend.stuck = long_bye();
    while (run->consumer.kept.empty()) run->shard->turn(run->backend.now() + kMillisecond);
    EXPECT_EQ(run.simulator.open(), 1U);
    run->shard->cut();
    EXPECT_EQ(run.simulator.open(), 0U);
    EXPECT_EQ(run.pool.stats().in_use, 0U);
    EXPECT_EQ(run->consumer.kept.size(), 1U) << "its record is made, and once";
    EXPECT_TRUE(run->shard->pending().empty());
    EXPECT_EQ(run->shard->stats().abandoned.value(), 0U);
  }
}

TEST(SeamSim, graceful_without_a_farewell_closes_at_once_with_fin) {
  const OneScript mute(kMute);
  Hooks hooks{.start = done({}, true), .bytes = more};
  SimHookRun run(hooks, mute, {.concurrency = 1});
  run->run();
  ASSERT_EQ(run->backend.closed.size(), 1U);
  EXPECT_EQ(run->backend.closed.front().mode, io::CloseMode::kGraceful);
}

TEST(SeamSim, further_connections_keep_to_rate_and_limits) {
  const OneScript mute(kMute);
  Hooks hooks{.start = connects(10), .bytes = more};
  SimHookRun run(hooks, mute, {.concurrency = 30}, 20, {.rate = 100, .per_prefix = 3});
  const Nanos start = run->backend.now();
  while (run->shard->turn(run->backend.now() + kSecond)) {
    const double seconds = static_cast<double>(run->backend.now() - start) / kSecond;
    ASSERT_LE(static_cast<double>(run->shard->stats().attempts.value()), 100 * seconds + 2);
    ASSERT_LE(run.simulator.open(), 3U);
  }
  EXPECT_EQ(run->consumer.kept.size(), 20U);
  EXPECT_EQ(run->shard->stats().attempts.value(), 200U);
  EXPECT_EQ(run->shard->stats().started.value(), 20U);
}

TEST(SeamSim, a_farewell_holds_its_limit_and_the_next_connection_waits_for_that_alone) {
  for (const std::uint32_t per_host : {1U, 2U}) {
    const OneScript mute(kMute);
    Hooks hooks{.start =
                    [](ProbeContext& context, Seen&) {
                      return (context.connection == 0 ? Step::reconnect() : Step::done(Outcome::kSuccess))
                          .after(as_bytes(context.connection == 0 ? std::string_view(long_bye()) : std::string_view()));
                    },
                .bytes = more};
    SimHookRun run(hooks, mute, {.concurrency = 2}, 1, {.per_host = per_host});
    run->backend.stuck = long_bye();
    const Nanos start = run->backend.now();
    while (run->consumer.kept.empty()) run->shard->turn(run->backend.now() + kMillisecond);
    const double waited = static_cast<double>(run->backend.now() - start);
    EXPECT_NEAR(waited, per_host == 1 ? 1.02e9 : 0.02e9, 1e7);
  }
}

TEST(SeamSim, what_keeps_later_connections_from_opening_is_told_to_the_probe) {
  const OneScript mute(kMute);
  // Two endpoints of the same simulator, one of which refuses or is silent.
  for (const auto& [arrival, failure] :
       {std::pair(Arrival::kRefuse, Outcome::kRefused), std::pair(Arrival::kSilent, Outcome::kTimeout),
        std::pair(Arrival::kUnreachable, Outcome::kUnreachable)}) {
    const population::Role open{
        .name = "open", .help = {}, .script = {}, .tcp = {}, .banner = {}, .tls = {}, .http = {}};
    const population::Role shut{
        .name = "shut", .help = {}, .arrival = arrival, .script = {}, .tcp = {}, .banner = {}, .tls = {}, .http = {}};
    const population::Population both(population::Mix{.weights = {{&open, 1}, {&shut, 1}}}, 1);
    std::optional<Endpoint> first, later;
    for (const Endpoint& endpoint : endpoints(64)) (&both.role_of(endpoint) == &open ? first : later) = endpoint;
    ASSERT_TRUE(first && later);
    for (const Outcome verdict : {Outcome::kSuccess, Outcome::kTimeout}) {
      Hooks hooks{.start = connects(9), .bytes = more};
      // One more is tried, then the probe has seen enough.
      hooks.failure = [verdict, tries = 0](ProbeContext& context, Seen&) mutable {
        EXPECT_EQ(context.connection, 1U + static_cast<std::uint32_t>(tries));
        return ++tries < 2 ? Step::reconnect() : Step::done(verdict);
      };
      memory::RingPool pool;
      io::SimBackend simulator(both, {.rtt_min = 10 * kMillisecond, .rtt_max = 10 * kMillisecond});
      HookRun run(hooks, simulator, pool, {.concurrency = 1, .connect_timeout = 200 * kMillisecond, .retries = 3},
                  {*first});
      run.backend.later_endpoint = later;
      run.run();
      ASSERT_EQ(run.consumer.kept.size(), 1U);
      const Kept& record = run.consumer.kept.front();
      EXPECT_EQ(record.outcome, verdict);
      EXPECT_EQ(record.text(1), results::name(failure));
      EXPECT_EQ(record.phase, verdict == Outcome::kSuccess ? Phase::kDone : Phase::kFirstByte)
          << "where the first connection stood";
      EXPECT_EQ(timing(record, Phase::kDone), 10'000) << "of the first connection";
      EXPECT_EQ(run.shard->stats().attempts.value(), 3U);
      EXPECT_EQ(run.shard->stats().retries.value(), 0U);
      EXPECT_EQ(simulator.open(), 0U);
      EXPECT_EQ(hooks.live, 0);
    }
  }
}

TEST(SeamSim, a_first_connection_that_fails_never_had_a_probe) {
  const OneScript refuses(kMute, Arrival::kRefuse);
  Hooks hooks{.start = connects(3), .bytes = more};
  hooks.failure = [](ProbeContext&, Seen&) -> Step { SONDE_CHECK(false, "there is nobody to ask"); };
  SimHookRun run(hooks, refuses, {.concurrency = 1});
  run->run();
  EXPECT_EQ(run->shard->stats().outcomes[static_cast<std::size_t>(Outcome::kRefused)].value(), 1U);
}

TEST(SeamSim, a_probe_that_never_ends_is_ended_after_so_many_connections) {
  for (const bool insists : {false, true}) {
    const OneScript mute(kMute);
    Hooks hooks{.start = connects(UINT32_MAX), .bytes = more};
    hooks.failure = [insists](ProbeContext&, Seen& seen) {
      return insists ? Step::reconnect() : Step::done(seen.failure);
    };
    SimHookRun run(hooks, mute, {.concurrency = 2}, 2);
    run->run();
    ASSERT_EQ(run->consumer.kept.size(), 2U);
    for (const Kept& record : run->consumer.kept) {
      EXPECT_EQ(record.outcome, Outcome::kTimeout);
      EXPECT_EQ(starts_of(record), 512);
    }
    EXPECT_EQ(run->shard->stats().attempts.value(), 1024U);
    EXPECT_EQ(hooks.live, 0);
  }
}

TEST(SeamSim, a_lack_of_descriptors_only_slows_further_connections) {
  const OneScript mute(kMute);
  Hooks hooks{.start = connects(5), .bytes = more};
  memory::RingPool pool;
  io::SimBackend simulator(mute.population(), {.descriptors = 7});
  HookRun run(hooks, simulator, pool, {.concurrency = 100}, endpoints(200));
  run.run();
  ASSERT_EQ(run.consumer.kept.size(), 200U);
  EXPECT_GT(run.shard->stats().local_faults.value(), 0U);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_EQ(starts_of(record), 5);
  }
}

TEST(SeamSim, what_this_machine_cannot_open_again_ends_in_what_the_probe_makes_of_local_error) {
  for (const bool insists : {false, true}) {
    const OneScript mute(kMute);
    Hooks hooks{.start = connects(5), .bytes = more};
    hooks.failure = [insists](ProbeContext&, Seen& seen) {
      return insists ? Step::reconnect() : Step::done(seen.failure);
    };
    SimHookRun run(hooks, mute, {.concurrency = 3}, 3, {}, true);
    run->backend.no_ports_later = true;
    run->run();
    ASSERT_EQ(run->consumer.kept.size(), 6U);
    for (const Kept& record : run->consumer.kept) EXPECT_EQ(record.outcome, Outcome::kLocalError) << record.probe;
    EXPECT_EQ(hooks.live, 0);
  }
}

TEST(SeamSim, the_next_probe_of_the_pass_follows_on_a_connection_of_its_own) {
  const OneScript speaks({{.kind = Act::Kind::kSend, .bytes = "SSH-2.0-x y\r\n"}});
  Hooks hooks{.start = connects(3), .bytes = more};
  SimHookRun run(hooks, speaks, {.concurrency = 5}, 10, {}, true);
  run->run();
  ASSERT_EQ(run->consumer.kept.size(), 20U);
  for (const Kept& record : run->consumer.kept) EXPECT_EQ(record.outcome, Outcome::kSuccess) << record.probe;
  EXPECT_EQ(run->shard->stats().attempts.value(), 40U);
  EXPECT_EQ(run->shard->stats().started.value(), 20U);
}

// A probe is cut in its first connection, while it waits for the next, in the next's handshake, and on it.
TEST(SeamSim, a_cut_anywhere_counts_every_probe_once_and_destroys_it) {
  for (const bool records : {false, true}) {
    int met_on_a_later_connection = 0;
    for (int turns = 1; turns < 60; turns += 3) {
      const OneScript speaks(kSpeaks);
      Hooks hooks{
          .start =
              [](ProbeContext& context, Seen&) {
                return context.connection % 2 == 0 ? Step::more() : Step::reconnect().after(as_bytes("bye"));
              },
          .bytes = [](ProbeContext& context,
                      Seen&) { return context.connection < 8 ? Step::reconnect() : Step::done(Outcome::kSuccess); }};
      SimHookRun run(hooks, speaks, {.concurrency = 8, .cut_records = records}, 40, {.rate = 400, .per_prefix = 5});
      for (int turn = 0; turn < turns; ++turn) run->shard->turn(run->backend.now() + kSecond);
      run->shard->cut();
      EXPECT_EQ(hooks.live, 0);
      EXPECT_EQ(run.simulator.open(), 0U);
      EXPECT_EQ(run.pool.stats().in_use, 0U);
      const engine::ShardStats& stats = run->shard->stats();
      EXPECT_EQ(stats.started.value(), stats.finished.value() + stats.abandoned.value());
      if (records) {
        EXPECT_EQ(stats.abandoned.value(), 0U);
      }
      std::set<std::uint64_t> positions;
      for (const std::uint64_t position : run->shard->pending()) EXPECT_TRUE(positions.insert(position).second);
      for (const Kept& record : run->consumer.kept) {
        const std::uint64_t position = record.endpoint.address.v4_bits() - 0x7f5b0000;
        EXPECT_EQ(positions.insert(position).second, record.outcome != Outcome::kCancelled);
        if (record.outcome != Outcome::kCancelled) continue;
        const bool first_connects = record.phase == Phase::kConnect;
        EXPECT_EQ(record.values[0].index(), first_connects ? 0U : 1U) << "what was learned stays in the record";
        met_on_a_later_connection += !first_connects && starts_of(record) > 1 ? 1 : 0;
      }
      EXPECT_EQ(positions.size(), run->source.cursor());
    }
    if (records) {
      EXPECT_GT(met_on_a_later_connection, 0);
    }
  }
}

TEST(SeamSim, a_shard_that_is_destroyed_destroys_the_probes_that_wait) {
  const OneScript mute(kMute);
  Hooks hooks{.start = connects(50), .bytes = more};
  {
    SimHookRun run(hooks, mute, {.concurrency = 10}, 10, {.rate = 10});
    while (run->shard->stats().attempts.value() < 5) run->shard->turn(run->backend.now() + 10 * kMillisecond);
    EXPECT_GT(hooks.live, 0);
  }
  EXPECT_EQ(hooks.live, 0);
}

TEST(SeamSim, a_module_keeps_one_state_a_shard_that_outlives_its_probes) {
  struct Counted : engine::ShardState {
    explicit Counted(Hooks& its_hooks) : hooks(its_hooks) {}
    ~Counted() override { EXPECT_EQ(hooks.live, 0); }
    Hooks& hooks;
  };
  const OneScript mute(kMute);
  std::vector<engine::ShardState*> made, met;
  Hooks hooks{.bytes = more};
  hooks.shard_state = [&] {
    auto state = std::make_unique<Counted>(hooks);
    made.push_back(state.get());
    return state;
  };
  hooks.start = [&](ProbeContext& context, Seen&) {
    met.push_back(context.state);
    EXPECT_EQ(context.now - context.started, 10 * kMillisecond);
    return Step::more();
  };
  {
    SimHookRun run(hooks, mute, {.concurrency = 5}, 5);
    while (met.size() < 5) run->shard->turn(run->backend.now() + kMillisecond);
  }
  EXPECT_EQ(met, std::vector(5, made.at(0)));
  EXPECT_EQ(made.size(), 1U);
}

// Fields that are there from some moment on.
struct FromThenOn : engine::LateFields {
  FromThenOn(const Nanos& its_now, Nanos its_moment, int& its_live) : now(its_now), moment(its_moment), live(its_live) {
    ++live;
  }
  ~FromThenOn() override { --live; }
  FromThenOn(const FromThenOn&) = delete;
  FromThenOn& operator=(const FromThenOn&) = delete;
  bool ready() override { return now >= moment; }
  void fill(std::span<results::Value> values) override {
    EXPECT_TRUE(ready());
    values[2] = std::string("late");
  }
  const Nanos& now;
  Nanos moment;
  int& live;
};

// Hooks whose probe is done at once, with fields that come at `moment`.
class LateSim : public testing::Test {
 protected:
  SimHookRun& start(Nanos delay, std::uint32_t targets, ShardOptions options) {
    hooks_.start = done();
    hooks_.bytes = more;
    hooks_.late = [this, delay](const Seen&) {
      return std::make_unique<FromThenOn>(now_, kSecond + delay + (odd_first_ && made_++ == 0 ? kSecond : 0), live_);
    };
    run_.emplace(hooks_, mute_, options, targets);
    now_ = run_->run.backend.now();
    return *run_;
  }
  bool turn() {
    const bool more = run_->run.shard->turn(run_->run.backend.now() + kSecond);
    now_ = run_->run.backend.now();
    return more;
  }

  const OneScript mute_{kMute};
  Hooks hooks_;
  Nanos now_ = 0;
  int live_ = 0;
  int made_ = 0;
  bool odd_first_ = false;
  std::optional<SimHookRun> run_;
};

TEST_F(LateSim, a_record_waits_for_its_late_fields_and_the_connection_does_not) {
  SimHookRun& run = start(500 * kMillisecond, 20, {.concurrency = 5});
  while (run->backend.closed.size() < 20) ASSERT_TRUE(turn());
  EXPECT_LT(run->backend.now(), kSecond + 100 * kMillisecond);
  EXPECT_TRUE(run->consumer.kept.empty());
  EXPECT_EQ(hooks_.live, 0);
  EXPECT_EQ(run->shard->pending().size(), 20U);
  EXPECT_EQ(run->shard->stats().finished.value(), 0U);
  while (turn()) {
  }
  EXPECT_LE(run->backend.now(), kSecond + 503 * kMillisecond) << "it is looked at every millisecond";
  ASSERT_EQ(run->consumer.kept.size(), 20U);
  for (const Kept& record : run->consumer.kept) {
    EXPECT_EQ(record.text(2), "late");
    EXPECT_EQ(starts_of(record), 1);
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_EQ(timing(record, Phase::kDone), 10'000);
  }
  EXPECT_EQ(run->shard->stats().finished.value(), 20U);
  EXPECT_TRUE(run->shard->pending().empty());
  EXPECT_EQ(live_, 0);
}

TEST_F(LateSim, fields_that_are_known_at_once_wait_for_nothing) {
  SimHookRun& run = start(0, 20, {.concurrency = 20});
  while (turn()) {
  }
  EXPECT_EQ(run->backend.now(), kSecond + 10 * kMillisecond);
  for (const Kept& record : run->consumer.kept) EXPECT_EQ(record.text(2), "late");
  EXPECT_EQ(run->consumer.kept.size(), 20U);
}

TEST_F(LateSim, when_too_much_waits_nothing_new_is_started) {
  const SimHookRun& run = start(3 * kSecond, 6000, {.concurrency = 100});
  while (now_ < kSecond + 2900 * kMillisecond) ASSERT_TRUE(turn());
  EXPECT_GE(run.run.shard->stats().started.value(), 4096U);
  EXPECT_LE(run.run.shard->stats().started.value(), 4196U);
  while (turn()) {
  }
  EXPECT_EQ(run.run.consumer.kept.size(), 6000U);
}

TEST_F(LateSim, a_cut_tells_what_is_whole_and_waits_for_nothing) {
  for (const bool records : {false, true}) {
    made_ = 0;
    odd_first_ = true;  // the first keeps the others, which are ready, until the cut
    hooks_ = {};
    SimHookRun& run = start(100 * kMillisecond, 10, {.concurrency = 10, .cut_records = records});
    while (now_ < kSecond + 200 * kMillisecond) ASSERT_TRUE(turn());
    EXPECT_TRUE(run->consumer.kept.empty());
    run->shard->cut();
    EXPECT_EQ(run->shard->pending().size(), 1U);
    EXPECT_EQ(run->consumer.kept.size(), records ? 10U : 9U);
    std::uint64_t cancelled = 0;
    for (const Kept& record : run->consumer.kept) {
      cancelled += record.outcome == Outcome::kCancelled ? 1 : 0;
      EXPECT_EQ(record.text(2), record.outcome == Outcome::kCancelled ? "" : "late");
      EXPECT_EQ(starts_of(record), 1);
    }
    EXPECT_EQ(cancelled, records ? 1U : 0U);
    const engine::ShardStats& stats = run->shard->stats();
    EXPECT_EQ(stats.abandoned.value(), records ? 0U : 1U);
    EXPECT_EQ(stats.started.value(), stats.finished.value() + stats.abandoned.value());
    EXPECT_EQ(live_, 0);
    EXPECT_FALSE(turn());
  }
}

}  // namespace
}  // namespace sonde::testing_sim
