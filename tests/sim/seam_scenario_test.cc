// What a probe may ask of the engine beyond bytes (a TLS handshake's phase, other connections, a farewell): one table,
// met on the simulator, on epoll and on io_uring with the same verdicts.
#include <gtest/gtest.h>

#include "hook_probe.h"
#include "io/engine.h"
#include "world/server.h"

namespace sonde::testing_sim {
namespace {

using engine::ProbeContext;
using engine::Step;
using population::Act;
using results::Cause;
using results::Outcome;
using results::Phase;

constexpr std::uint32_t kTargets = 4;

Act sends(std::string_view bytes) { return {.kind = Act::Kind::kSend, .bytes = bytes}; }
Act awaits(std::uint32_t count) { return {.kind = Act::Kind::kAwait, .count = count}; }
Act pauses(Nanos pause) { return {.kind = Act::Kind::kPause, .pause = pause}; }
constexpr Act kDeafens{.kind = Act::Kind::kDeafen};
constexpr Act kResets{.kind = Act::Kind::kReset};

Step say(std::string_view text) { return Step::send(as_bytes(text)); }

// The client's flight of five bytes, at once or at `wake`.
Step shake(ProbeContext& context, Seen&) {
  context.handshaking = true;
  return say("hello");
}

struct Case {
  const char* name;
  std::vector<Act> script;
  Hooks hooks;
  engine::ShardOptions options;
  Outcome outcome;
  Phase phase;
  Cause cause = Cause::kNone;
  std::vector<Phase> timed;  // beside connect and the total; all others must be absent
  std::int64_t starts = 1;
};

// A handshake of eight bytes is the probe's end (kDone while it runs), or a request follows.
Hooks handshake_only() {
  return {.start = shake, .bytes = [](ProbeContext&, Seen& seen) {
            return seen.bytes < 8 ? Step::more() : Step::done(Outcome::kSuccess);
          }};
}

Hooks handshake_and_request() {
  return {.start = shake, .bytes = [](ProbeContext& context, Seen& seen) {
            if (seen.bytes < 8) return Step::more();
            if (!context.handshaking) return seen.bytes < 13 ? Step::more() : Step::done(Outcome::kSuccess);
            context.handshaking = false;
            return say("get");
          }};
}

Hooks starttls() {
  return {.start = [](ProbeContext&, Seen&) { return Step::more(); },
          .bytes =
              [](ProbeContext& context, Seen& seen) {
                if (context.handshaking) return seen.bytes < 16 ? Step::more() : Step::done(Outcome::kSuccess);
                if (seen.bytes == 6) return say("starttls");
                if (seen.bytes < 8) return Step::more();
                context.handshaking = true;
                return say("hello");
              }};
}

Hooks late_hello() {
  return {.start =
              [](ProbeContext& context, Seen&) {
                context.handshaking = true;
                context.wake_at = context.now + 200 * kMillisecond;
                return Step::more();
              },
          .bytes = [](ProbeContext&, Seen&) { return Step::more(); },
          .wake =
              [](ProbeContext& context, Seen&) {
                context.wake_at = kNever;
                return say("hello");
              }};
}

Hooks three_connections(bool graceful) {
  return {.start = shake, .bytes = [graceful](ProbeContext&, Seen& seen) {
            if (seen.bytes < 8) return Step::more();
            Step step = (seen.starts < 3 ? Step::reconnect() : Step::done(Outcome::kSuccess)).after(as_bytes("bye"));
            step.graceful = graceful;
            return step;
          }};
}

std::vector<Case> cases() {
  const engine::ShardOptions plain{};
  // A read budget that a handshake would not keep: it must not run in one.
  const engine::ShardOptions tight{.tls_timeout = 500 * kMillisecond, .read_timeout = 50 * kMillisecond};
  const auto hears = [](std::vector<Act> more) {
    more.insert(more.begin(), awaits(5));
    return more;
  };
  return {
      {"a_handshake_alone",
       hears({sends("12345678")}),
       handshake_only(),
       plain,
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kTls}},
      {"a_request_behind_it",
       hears({sends("12345678"), awaits(3), sends("reply")}),
       handshake_and_request(),
       plain,
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kTls, Phase::kWrite, Phase::kFirstByte, Phase::kRead}},
      {"silence_after_the_hello",
       hears({}),
       handshake_only(),
       tight,
       Outcome::kTimeout,
       Phase::kTls,
       Cause::kAckedNoReply,
       {Phase::kTls}},
      {"half_a_flight",
       hears({sends("123")}),
       handshake_only(),
       tight,
       Outcome::kTimeout,
       Phase::kTls,
       Cause::kPartialReply,
       {Phase::kTls}},
      {"a_hello_that_is_never_acked",
       {kDeafens},
       late_hello(),
       tight,
       Outcome::kTimeout,
       Phase::kTls,
       Cause::kRequestUnacked,
       {Phase::kTls}},
      {"a_reset_in_the_handshake",
       hears({pauses(30 * kMillisecond), kResets}),
       handshake_only(),
       plain,
       Outcome::kReset,
       Phase::kTls,
       Cause::kNone,
       {Phase::kTls}},
      {"reading_has_its_whole_budget_behind_the_handshake",
       hears({pauses(500 * kMillisecond), sends("12345678"), awaits(3), pauses(300 * kMillisecond), sends("reply")}),
       handshake_and_request(),
       {.read_timeout = 700 * kMillisecond},
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kTls, Phase::kWrite, Phase::kFirstByte, Phase::kRead}},
      {"no_reply_behind_the_handshake_is_no_second_attempt",
       hears({sends("12345678")}),
       handshake_and_request(),
       {.read_timeout = 300 * kMillisecond, .retries = 2},
       Outcome::kTimeout,
       Phase::kFirstByte,
       Cause::kAckedNoReply,
       {Phase::kTls, Phase::kWrite, Phase::kFirstByte}},
      {"starttls",
       {sends("220 ok"), awaits(8), sends("go"), awaits(5), sends("12345678")},
       starttls(),
       plain,
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kFirstByte, Phase::kTls}},
      {"starttls_and_then_silence",
       {sends("220 ok"), awaits(8), sends("go")},
       starttls(),
       {.tls_timeout = 300 * kMillisecond},
       Outcome::kTimeout,
       Phase::kTls,
       Cause::kAckedNoReply,
       {Phase::kFirstByte, Phase::kTls}},
      {"three_connections_with_farewells",
       hears({sends("12345678")}),
       three_connections(false),
       plain,
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kTls},
       3},
      {"three_connections_closed_gracefully",
       hears({sends("12345678")}),
       three_connections(true),
       plain,
       Outcome::kSuccess,
       Phase::kDone,
       Cause::kNone,
       {Phase::kTls},
       3},
  };
}

void expect_case(const Case& expected, const HookRun& run) {
  ASSERT_EQ(run.consumer.kept.size(), kTargets);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, expected.outcome) << results::name(record.outcome) << " " << record.error;
    EXPECT_EQ(record.phase, expected.phase) << results::name(record.phase);
    EXPECT_EQ(record.cause, expected.cause) << results::name(record.cause);
    EXPECT_EQ(starts_of(record), expected.starts);
    EXPECT_EQ(record.attempts, 1U);
    std::int64_t sum = 0;
    for (const Phase phase : {Phase::kConnect, Phase::kTls, Phase::kWrite, Phase::kFirstByte, Phase::kRead}) {
      const bool timed = phase == Phase::kConnect || std::ranges::count(expected.timed, phase) > 0;
      EXPECT_EQ(timing(record, phase) != results::kNoTiming, timed) << results::name(phase);
      sum += std::max(timing(record, phase), 0);
    }
    EXPECT_LE(sum, timing(record, Phase::kDone)) << "phases add up to no more than the total";
  }
  EXPECT_EQ(run.shard->stats().attempts.value(), kTargets * static_cast<std::uint64_t>(expected.starts));
  EXPECT_EQ(run.shard->stats().started.value(), kTargets) << "probes, not connections";
  EXPECT_EQ(run.shard->stats().finished.value(), kTargets);
  EXPECT_EQ(expected.hooks.live, 0) << "every probe must have been destroyed";
  EXPECT_EQ(run.backend.closed.size(), run.shard->stats().attempts.value());
}

class Seam : public testing::TestWithParam<std::tuple<std::size_t, const char*>> {
 protected:
  Case case_ = cases()[std::get<0>(GetParam())];
  OneScript script_{case_.script};
};

TEST_P(Seam, has_the_tables_verdict) {
  const std::string_view where = std::get<1>(GetParam());
  case_.options.concurrency = kTargets;
  if (where == "sim") {
    SimHookRun run(case_.hooks, script_, case_.options, kTargets);
    run->run();
    expect_case(case_, run.run);
    EXPECT_EQ(run.simulator.open(), 0U);
    EXPECT_EQ(run.pool.stats().in_use, 0U);
    return;
  }
  const io::Engine engine = where == "epoll" ? io::Engine::kEpoll : io::Engine::kUring;
  const io::EngineChoice choice = io::choose_engine(engine);
  if (choice.engine != engine) GTEST_SKIP() << choice.notice;
  if (engine == io::Engine::kUring && !choice.features.fd_install && case_.cause == Cause::kRequestUnacked)
    GTEST_SKIP() << "this kernel lets io_uring ask for no TCP_INFO";
  world::Server server;
  world::ServerOptions serve;
  serve.population = &script_.population();
  serve.prefix = IpAddress::v4(0x7f5b0000);
  serve.prefix_length = 24;
  serve.ports = {0};
  const Parsed<> started = server.start(serve);
  ASSERT_TRUE(started) << started.error().text;
  memory::RingPool pool;
  auto backend = io::open_backend(choice, pool, kTargets);
  ASSERT_TRUE(backend);
  {
    HookRun run(case_.hooks, **backend, pool, case_.options, endpoints(kTargets, {server.ports().front()}));
    run.run(10 * kMillisecond);
    expect_case(case_, run);
  }
  (*backend)->drain();
  EXPECT_EQ(pool.stats().in_use, 0U);
}

INSTANTIATE_TEST_SUITE_P(Table, Seam,
                         testing::Combine(testing::Range(std::size_t{0}, cases().size()),
                                          testing::Values("sim", "epoll", "uring")),
                         [](const auto& test) {
                           return std::string(cases()[std::get<0>(test.param)].name) + "_on_" + std::get<1>(test.param);
                         });

}  // namespace
}  // namespace sonde::testing_sim
