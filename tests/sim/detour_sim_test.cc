// Probes that turn elsewhere, that are one task over several connections, that hold several exchanges on one, and that
// leave a layer open for the next of their pass: in virtual time, with a resolver that answers by a table.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "engine/resolver.h"
#include "hook_probe.h"

namespace sonde::testing_sim {
namespace {

using engine::Detour;
using engine::ProbeContext;
using engine::ShardOptions;
using engine::Step;
using population::Act;
using results::Outcome;
using results::Phase;

constexpr Nanos kLookUp = 20 * kMillisecond;
const IpAddress kElsewhere = IpAddress::v4(0xc6336407);  // 198.51.100.7
const Endpoint kElsewhere8080{.address = kElsewhere, .port = 8080};

const std::vector<Act> kMute;
const std::vector<Act> kSpeaks = {{.kind = Act::Kind::kPause, .pause = 30 * kMillisecond},
                                  {.kind = Act::Kind::kSend, .bytes = "hi"}};

// The same, to who asks.
const std::vector<Act> kAnswers = {{.kind = Act::Kind::kAwait, .count = 3},
                                   {.kind = Act::Kind::kPause, .pause = 30 * kMillisecond},
                                   {.kind = Act::Kind::kSend, .bytes = "hi"}};

// Names by a table, each after kLookUp. What is not in it does not exist; "silent.example" gets no answer.
class TableResolver final : public engine::Resolver {
 public:
  explicit TableResolver(const io::Backend& clock) : clock_(clock) {}
  void resolve(ConnectionId id, std::string_view host, std::optional<engine::IpVersion>) override {
    asked.emplace_back(host);
    if (host != "silent.example") due_.push_back({clock_.now() + kLookUp, id, std::string(host)});
  }
  bool full() const override { return false; }
  void on_descriptor(int, bool, bool) override {}
  void on_time() override {}
  Nanos next_time(Nanos) const override { return due_.empty() ? kNever : due_.front().at; }
  std::span<const engine::Resolved> take_answers() override {
    answers_.clear();
    for (; !due_.empty() && due_.front().at <= clock_.now(); due_.pop_front()) {
      const auto found = addresses.find(due_.front().host);
      engine::Resolved& answer = answers_.emplace_back();
      answer.id = due_.front().id;
      if (found != addresses.end()) {
        answer.address = found->second;
      } else {
        answer.outcome = Outcome::kDnsError;
        answer.error = "no such name";
      }
    }
    return answers_;
  }

  std::map<std::string, IpAddress> addresses;
  std::vector<std::string> asked;

 private:
  struct Due {
    Nanos at;
    ConnectionId id;
    std::string host;
  };
  const io::Backend& clock_;
  std::deque<Due> due_;
  std::vector<engine::Resolved> answers_;
};

// A pass of hook probes on a simulator of its own.
struct PassRun {
  PassRun(std::vector<Hooks*> hooks, const population::Population& population, ShardOptions options,
          std::vector<Endpoint> targets = endpoints(1), Pacing pacing = {}, std::vector<Transport> transports = {})
      : simulator(population, {.rtt_min = 10 * kMillisecond, .rtt_max = 10 * kMillisecond, .cut_reads = false}),
        source(std::move(targets)),
        limits(make_limits(pacing)),
        backend(simulator),
        resolver(simulator) {
    options.fatal_audit = true;
    std::vector<engine::PassModule> pass;
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      modules.push_back(
          std::make_unique<HookModule>(*hooks[i], i < transports.size() ? transports[i] : Transport::kTcp));
      pass.push_back({.module = modules.back().get(), .first_value_id = static_cast<std::uint32_t>(3 * i)});
    }
    shard = std::make_unique<engine::Shard>(options, pass, source, limits, backend, pool, &resolver, consumer);
  }
  void run() {
    while (shard->turn(backend.refresh() + kSecond)) {
    }
    EXPECT_EQ(simulator.open(), 0U);
    EXPECT_EQ(pool.stats().in_use, 0U);
  }
  const Kept& record(std::size_t i = 0) const { return consumer.kept.at(i); }

  memory::RingPool pool;
  io::SimBackend simulator;
  std::vector<std::unique_ptr<HookModule>> modules;
  ListSource source;
  KeepAll consumer;
  engine::Limits limits;
  BentBackend backend;
  TableResolver resolver;
  std::unique_ptr<engine::Shard> shard;
};

Step succeed(ProbeContext&, Seen&) { return Step::done(Outcome::kSuccess); }

// From the target to `detour`, where `there` goes on.
template <typename There>
Hooks::Hook turns_to(const Detour& detour, const There& there) {
  return [&detour, there](ProbeContext& context, Seen& seen) {
    return context.connection == 0 ? Step::go_on_at(detour) : there(context, seen);
  };
}
Hooks::Hook turns_to(const Detour& detour) { return turns_to(detour, succeed); }

void expect_sums(const Kept& record) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i + 1 < record.timing_us.size(); ++i) sum += std::max(record.timing_us[i], 0);
  EXPECT_LE(sum, record.timing_us.back()) << "phases add up to no more than the total";
}

// --- where it goes ---

TEST(DetourSim, may_begin_without_a_connection) {
  const OneScript mute(kMute);
  const Detour detour{.host = {}, .address = kElsewhere, .port = 8080};
  Hooks hooks{.start = [&](ProbeContext& context, Seen&) {
    if (context.connection > 0) return Step::done(Outcome::kSuccess);
    EXPECT_EQ(context.connect_us, -1);
    EXPECT_EQ(context.endpoint.port, 80);
    return context.position % 2 == 0 ? Step::go_on_at(detour) : Step::done(Outcome::kProtocolError, "that was all");
  }};
  ShardOptions options{.concurrency = 10};
  options.terms_of = [](std::uint64_t) { return engine::Terms{.transport = Transport::kNone}; };
  PassRun run({&hooks}, mute.population(), options, endpoints(20));
  run.run();
  ASSERT_EQ(run.consumer.kept.size(), 20U);
  std::size_t went_on = 0;
  for (const Kept& record : run.consumer.kept) {
    EXPECT_NE(record.endpoint.address, kElsewhere);
    if (record.outcome == Outcome::kProtocolError) continue;
    ++went_on;
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_NEAR(timing(record, Phase::kConnect), 10'000, 1) << "one connection";
    expect_sums(record);
  }
  EXPECT_EQ(went_on, 10U);
  EXPECT_EQ(run.backend.connects.size(), 1U);
  EXPECT_EQ(run.backend.connects[kElsewhere8080], 10U);
  EXPECT_EQ(hooks.live, 0);
}

TEST(DetourSim, goes_to_another_address_and_its_record_names_the_target) {
  const OneScript mute(kMute);
  const Detour detour{.host = {}, .address = kElsewhere, .port = 8080};
  std::vector<Endpoint> seen;
  Hooks hooks{.start = turns_to(detour, [&](ProbeContext& context, Seen&) {
                seen.push_back(context.endpoint);
                EXPECT_EQ(context.connection, 1U);
                EXPECT_TRUE(context.host.empty());
                EXPECT_EQ(context.dns_us, -1);
                EXPECT_NEAR(context.connect_us, 10'000, 1);
                return Step::done(Outcome::kSuccess);
              })};
  PassRun run({&hooks}, mute.population(), {.concurrency = 10}, endpoints(20));
  run.run();
  ASSERT_EQ(run.consumer.kept.size(), 20U);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_EQ(record.endpoint.port, 80);
    EXPECT_NE(record.endpoint.address, kElsewhere);
    EXPECT_NEAR(timing(record, Phase::kConnect), 20'000, 2) << "both";
    expect_sums(record);
  }
  EXPECT_EQ(seen, std::vector<Endpoint>(20, kElsewhere8080));
  EXPECT_EQ(run.backend.connects[kElsewhere8080], 20U);
  EXPECT_EQ(hooks.live, 0);
}

TEST(DetourSim, a_name_is_resolved_and_its_time_is_told) {
  const OneScript mute(kMute);
  const Detour detour{.host = "other.example", .address = {}, .port = 8080};
  Hooks hooks{.start = turns_to(detour, [&](ProbeContext& context, Seen&) {
                EXPECT_EQ(context.endpoint, kElsewhere8080);
                EXPECT_EQ(context.host, "other.example");
                EXPECT_NEAR(context.dns_us, 20'000, 1);
                return Step::done(Outcome::kSuccess);
              })};
  PassRun run({&hooks}, mute.population(), {.concurrency = 1});
  run.resolver.addresses["other.example"] = kElsewhere;
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kSuccess);
  EXPECT_EQ(run.record().host, "") << "the target has none";
  EXPECT_NEAR(timing(run.record(), Phase::kDns), 20'000, 1);
  EXPECT_NEAR(timing(run.record(), Phase::kDone), 40'000, 10);
  expect_sums(run.record());
}

TEST(DetourSim, a_name_whose_address_is_known_is_not_asked_for) {
  const OneScript mute(kMute);
  const Detour detour{.host = "other.example", .address = kElsewhere, .port = 8080};
  Hooks hooks{.start = turns_to(detour, [&](ProbeContext& context, Seen&) {
                EXPECT_EQ(context.host, "other.example");
                return Step::done(Outcome::kSuccess);
              })};
  PassRun run({&hooks}, mute.population(), {.concurrency = 1});
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kSuccess);
  EXPECT_TRUE(run.resolver.asked.empty());
}

struct Fate {
  Detour detour;
  Outcome outcome;
  Phase phase;
};

TEST(DetourSim, what_cannot_be_reached_is_told_to_the_probe) {
  const OneScript mute(kMute);
  const Fate fates[] = {
      {{.host = {}, .address = kElsewhere, .port = 8080}, Outcome::kBlocked, Phase::kDns},
      {{.host = "blocked.example", .address = {}, .port = 8080}, Outcome::kBlocked, Phase::kDns},
      {{.host = "blocked.example", .address = IpAddress::v4(0xc6336408), .port = 8080}, Outcome::kBlocked, Phase::kDns},
      {{.host = "other.example", .address = {}, .port = 8080}, Outcome::kBlocked, Phase::kDns},  // by its address
      {{.host = "gone.example", .address = {}, .port = 8080}, Outcome::kDnsError, Phase::kDns},
      {{.host = "silent.example", .address = {}, .port = 8080}, Outcome::kTimeout, Phase::kDns}};
  for (const Fate& fate : fates) {
    SCOPED_TRACE(std::string(fate.detour.host) + " " + std::string(results::name(fate.outcome)));
    Hooks hooks{.start = turns_to(fate.detour)};
    ShardOptions options{.concurrency = 4, .dns_timeout = 300 * kMillisecond};
    options.is_excluded = [](const IpAddress& address) { return address == kElsewhere; };
    options.is_excluded_name = [](std::string_view name) { return name == "blocked.example"; };
    PassRun run({&hooks}, mute.population(), options, endpoints(9), {.per_host = 1, .per_prefix = 1});
    run.resolver.addresses["other.example"] = kElsewhere;
    run.resolver.addresses["blocked.example"] = IpAddress::v4(0xc6336409);
    run.run();
    ASSERT_EQ(run.consumer.kept.size(), 9U) << "limits are given back";
    for (const Kept& record : run.consumer.kept) {
      EXPECT_EQ(record.outcome, fate.outcome);
      EXPECT_EQ(record.phase, fate.phase);
      EXPECT_EQ(record.text(1), results::name(fate.outcome)) << "it was told";
      EXPECT_EQ(starts_of(record), 1);
      EXPECT_FALSE(record.error.empty());
      EXPECT_EQ(record.endpoint.port, 80);
      EXPECT_NEAR(timing(record, Phase::kConnect), 10'000, 2) << "what came before is told";
      expect_sums(record);
    }
    for (const auto& [endpoint, times] : run.backend.connects) EXPECT_EQ(endpoint.port, 80) << "nothing went there";
    EXPECT_EQ(run.shard->stats().finished.value(), 9U);
    EXPECT_EQ(hooks.live, 0);
  }
}

// The first endpoint of `open` and the first of `shut` in a population of both.
struct Both {
  explicit Both(population::Arrival arrival)
      : shut{.name = "shut",
             .help = {},
             .arrival = arrival,
             .script = {},
             .tcp = {},
             .banner = {},
             .tls = {},
             .http = {}},
        population(population::Mix{.weights = {{&open, 1}, {&shut, 1}}}, 1) {
    for (const Endpoint& endpoint : endpoints(64)) (&population.role_of(endpoint) == &open ? target : there) = endpoint;
  }
  population::Role open{.name = "open", .help = {}, .script = {}, .tcp = {}, .banner = {}, .tls = {}, .http = {}};
  population::Role shut;
  population::Population population;
  Endpoint target;
  Endpoint there;
};

TEST(DetourSim, a_host_that_refuses_or_is_silent_is_told_to_the_probe_once) {
  for (const auto arrival : {population::Arrival::kRefuse, population::Arrival::kSilent}) {
    const Both both(arrival);
    const bool refuses = arrival == population::Arrival::kRefuse;
    const Detour detour{.host = {}, .address = both.there.address, .port = both.there.port};
    Hooks hooks{.start = turns_to(detour)};
    PassRun run({&hooks}, both.population, {.concurrency = 1, .connect_timeout = 500 * kMillisecond, .retries = 3},
                {both.target});
    run.run();
    const Kept& record = run.record();
    EXPECT_EQ(record.outcome, refuses ? Outcome::kRefused : Outcome::kTimeout);
    EXPECT_EQ(record.phase, Phase::kConnect);
    EXPECT_EQ(record.cause, refuses ? results::Cause::kNone : results::Cause::kSynUnanswered);
    EXPECT_EQ(record.endpoint, both.target);
    EXPECT_EQ(run.backend.connects[both.there], 1U) << "--retries are for targets";
    EXPECT_NEAR(timing(record, Phase::kConnect), refuses ? 20'000 : 510'000, 1000);
  }
}

TEST(DetourSim, a_probe_may_turn_elsewhere_again) {
  const Both both(population::Arrival::kRefuse);
  const Detour first{.host = {}, .address = both.there.address, .port = both.there.port};
  const Detour second{.host = {}, .address = both.target.address, .port = both.target.port};
  Hooks hooks{.start = turns_to(first), .failure = [&](ProbeContext& context, Seen& seen) {
                EXPECT_EQ(seen.failure, Outcome::kRefused);
                EXPECT_EQ(context.connection, 1U);
                return Step::go_on_at(second);
              }};
  PassRun run({&hooks}, both.population, {.concurrency = 1}, {both.target});
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kSuccess);
  EXPECT_NEAR(timing(run.record(), Phase::kConnect), 30'000, 3) << "of all three";
  EXPECT_EQ(run.shard->stats().attempts.value(), 3U);
}

TEST(DetourSim, what_this_machine_lacks_is_no_fault_of_the_other_host) {
  const OneScript mute(kMute);
  Hooks hooks{.start = [](ProbeContext& context, Seen&) {
    static const Detour kSame{.host = {}, .address = IpAddress::v4(0x7f5b0000), .port = 80};
    return context.connection == 0 ? Step::go_on_at(kSame) : Step::done(Outcome::kSuccess);
  }};
  PassRun run({&hooks}, mute.population(), {.concurrency = 1});
  run.backend.no_ports_later = true;
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kLocalError);
  EXPECT_GT(run.shard->stats().local_faults.value(), 1U) << "it was tried again";
}

TEST(DetourSim, limits_hold_where_it_goes_too) {
  const OneScript speaks(kSpeaks);
  const Detour detour{.host = {}, .address = kElsewhere, .port = 8080};
  int there = 0;
  int most = 0;
  Hooks hooks{.start = turns_to(detour,
                                [&](ProbeContext&, Seen&) {
                                  most = std::max(most, ++there);
                                  return Step::more();
                                }),
              .bytes = [&](ProbeContext&, Seen&) {
                --there;
                return Step::done(Outcome::kSuccess);
              }};
  PassRun run({&hooks}, speaks.population(), {.concurrency = 50}, endpoints(50), {.per_host = 3});
  run.run();
  EXPECT_EQ(run.consumer.kept.size(), 50U);
  EXPECT_EQ(most, 3);
}

TEST(DetourSim, a_cut_tells_what_is_known_and_names_the_target) {
  const OneScript mute(kMute);
  const Detour silent{.host = "silent.example", .address = {}, .port = 8080};
  Hooks hooks{.start = turns_to(silent)};
  PassRun run({&hooks}, mute.population(), {.concurrency = 5, .dns_timeout = 10 * kSecond, .cut_records = true},
              endpoints(5));
  while (run.resolver.asked.size() < 5) run.shard->turn(run.backend.refresh() + kMillisecond);
  run.shard->cut();
  ASSERT_EQ(run.consumer.kept.size(), 5U);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kCancelled);
    EXPECT_EQ(record.endpoint.port, 80);
    EXPECT_EQ(starts_of(record), 1);
  }
  EXPECT_EQ(hooks.live, 0);
}

// --- one task over several connections ---

Hooks asks_on_three_connections(const Detour& detour) {
  return {.start = [](ProbeContext&, Seen&) { return Step::send(as_bytes("ask")); },
          .bytes =
              [&detour](ProbeContext& context, Seen&) {
                return context.connection < 2 ? Step::go_on_at(detour) : Step::done(Outcome::kSuccess);
              }};
}

TEST(TaskSim, its_record_tells_the_sums) {
  const OneScript answers(kAnswers);
  const Detour detour{.host = "other.example", .address = {}, .port = 8080};
  Hooks hooks = asks_on_three_connections(detour);
  PassRun run({&hooks}, answers.population(), {.concurrency = 20}, endpoints(20));
  run.resolver.addresses["other.example"] = kElsewhere;
  run.run();
  ASSERT_EQ(run.consumer.kept.size(), 20U);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_NEAR(timing(record, Phase::kDns), 40'000, 2);
    EXPECT_NEAR(timing(record, Phase::kConnect), 30'000, 3);
    // A round trip, and the server's pause.
    EXPECT_NEAR(timing(record, Phase::kWrite) + timing(record, Phase::kFirstByte), 3 * 40'000, 3 * 5000);
    EXPECT_NEAR(timing(record, Phase::kDone), 190'000, 3 * 5000);
    expect_sums(record);
  }
}

TEST(TaskSim, further_connections_that_are_none_tell_of_the_first) {
  const OneScript answers(kAnswers);
  Hooks hooks{
      .start = [](ProbeContext&, Seen&) { return Step::send(as_bytes("ask")); },
      .bytes = [](ProbeContext& context,
                  Seen&) { return context.connection < 2 ? Step::reconnect() : Step::done(Outcome::kSuccess); }};
  PassRun run({&hooks}, answers.population(), {.concurrency = 1});
  run.run();
  EXPECT_NEAR(timing(run.record(), Phase::kDone), 50'000, 5000);
}

TEST(TaskSim, its_total_deadline_spans_all_connections) {
  const OneScript answers(kAnswers);
  const Detour detour{.host = {}, .address = kElsewhere, .port = 8080};
  Hooks hooks = asks_on_three_connections(detour);
  for (const bool waits_for_rate : {false, true}) {
    // Each connection takes some 50 ms: the third is cut.
    PassRun run({&hooks}, answers.population(), {.concurrency = 1, .timeout = 120 * kMillisecond}, endpoints(1),
                {.rate = waits_for_rate ? 4.0 : 0.0});
    const Nanos from = run.backend.now();
    run.run();
    const Kept& record = run.record();
    EXPECT_EQ(record.outcome, Outcome::kTimeout);
    EXPECT_EQ(starts_of(record), 3);
    EXPECT_NEAR(timing(record, Phase::kDone), 120'000, 1000);
    EXPECT_EQ(run.backend.now() - from > 400 * kMillisecond, waits_for_rate) << "waiting for the rate is not its time";
    expect_sums(record);
  }
}

TEST(TaskSim, a_deadline_that_falls_between_two_connections_is_kept) {
  const OneScript mute(kMute);
  const Detour detour{.host = "silent.example", .address = {}, .port = 8080};
  Hooks hooks{.start = turns_to(detour)};
  PassRun run({&hooks}, mute.population(),
              {.concurrency = 1, .dns_timeout = 2 * kSecond, .timeout = 100 * kMillisecond});
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kTimeout);
  EXPECT_EQ(run.record().phase, Phase::kDns);
  EXPECT_NEAR(timing(run.record(), Phase::kDone), 100'000, 1000);
}

// --- several exchanges over one connection ---

const std::vector<Act> kAnswersThrice = {{.kind = Act::Kind::kAwait, .count = 3},
                                         {.kind = Act::Kind::kPause, .pause = 100 * kMillisecond},
                                         {.kind = Act::Kind::kSend, .bytes = "1"},
                                         {.kind = Act::Kind::kAwait, .count = 3},
                                         {.kind = Act::Kind::kPause, .pause = 100 * kMillisecond},
                                         {.kind = Act::Kind::kSend, .bytes = "2"},
                                         {.kind = Act::Kind::kAwait, .count = 3},
                                         {.kind = Act::Kind::kPause, .pause = 100 * kMillisecond},
                                         {.kind = Act::Kind::kSend, .bytes = "3"}};

Hooks asks_thrice(bool anew) {
  return {.start = [](ProbeContext&, Seen&) { return Step::send(as_bytes("ask")); },
          .bytes =
              [anew](ProbeContext&, Seen& seen) {
                if (seen.bytes == 3) return Step::done(Outcome::kSuccess);
                return anew ? Step::exchange(as_bytes("ask")) : Step::send(as_bytes("ask"));
              }};
}

TEST(ExchangeSim, each_has_the_whole_read_budget_and_its_phases) {
  const OneScript answers(kAnswersThrice);
  Hooks hooks = asks_thrice(true);
  PassRun run({&hooks}, answers.population(), {.concurrency = 10, .read_timeout = 150 * kMillisecond}, endpoints(10));
  run.run();
  ASSERT_EQ(run.consumer.kept.size(), 10U);
  for (const Kept& record : run.consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_EQ(record.phase, Phase::kDone);
    EXPECT_NEAR(timing(record, Phase::kWrite) + timing(record, Phase::kFirstByte), 3 * 110'000, 3 * 6000);
    EXPECT_LE(timing(record, Phase::kRead), 10);
    expect_sums(record);
  }
  EXPECT_EQ(run.shard->stats().attempts.value(), 10U) << "one connection";
}

TEST(ExchangeSim, without_it_all_is_one_read) {
  const OneScript answers(kAnswersThrice);
  Hooks hooks = asks_thrice(false);
  PassRun run({&hooks}, answers.population(), {.concurrency = 1, .read_timeout = 150 * kMillisecond});
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kTimeout);
  EXPECT_EQ(run.record().phase, Phase::kRead);
  EXPECT_EQ(run.record().cause, results::Cause::kPartialReply);
}

TEST(ExchangeSim, one_that_is_not_answered_times_out_in_its_own_first_byte) {
  std::vector<Act> once = kAnswersThrice;
  once.resize(3);
  const OneScript answers(once);
  Hooks hooks = asks_thrice(true);
  PassRun run({&hooks}, answers.population(), {.concurrency = 1, .read_timeout = 150 * kMillisecond});
  run.run();
  const Kept& record = run.record();
  EXPECT_EQ(record.outcome, Outcome::kTimeout);
  EXPECT_EQ(record.phase, Phase::kFirstByte);
  EXPECT_EQ(record.cause, results::Cause::kAckedNoReply);
  EXPECT_NEAR(timing(record, Phase::kDone), 10'000 + 110'000 + 150'000, 6000);
  expect_sums(record);
}

TEST(ExchangeSim, the_total_bounds_them_all) {
  const OneScript answers(kAnswersThrice);
  Hooks hooks = asks_thrice(true);
  PassRun run({&hooks}, answers.population(),
              {.concurrency = 1, .read_timeout = 150 * kMillisecond, .timeout = 200 * kMillisecond});
  run.run();
  EXPECT_EQ(run.record().outcome, Outcome::kTimeout);
  EXPECT_NEAR(timing(run.record(), Phase::kDone), 200'000, 1000);
}

TEST(ExchangeSim, what_is_no_part_of_the_answer_moves_no_phase) {
  const OneScript server({{.kind = Act::Kind::kSend, .bytes = "noise"},
                          {.kind = Act::Kind::kAwait, .count = 3},
                          {.kind = Act::Kind::kPause, .pause = 100 * kMillisecond},
                          {.kind = Act::Kind::kSend, .bytes = "answer"},
                          {.kind = Act::Kind::kPause, .pause = 50 * kMillisecond},
                          {.kind = Act::Kind::kSend, .bytes = "!"}});
  for (const bool noise_counts : {false, true}) {
    Hooks hooks{.start = [](ProbeContext&, Seen&) { return Step::send(as_bytes("ask")); },
                .bytes =
                    [noise_counts](ProbeContext& context, Seen& seen) {
                      context.unanswered = !noise_counts && seen.bytes == 5;
                      return seen.bytes == 12 ? Step::done(Outcome::kSuccess) : Step::more();
                    }};
    PassRun run({&hooks}, server.population(), {.concurrency = 1});
    run.run();
    EXPECT_EQ(run.record().outcome, Outcome::kSuccess);
    EXPECT_NEAR(timing(run.record(), Phase::kRead), noise_counts ? 150'000 : 50'000, 12'000);
    expect_sums(run.record());
  }
}

// --- a layer that is left open ---

struct Layer : engine::OpenLayer {
  explicit Layer(int of_it) : number(of_it) { ++live; }
  ~Layer() override { --live; }
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  int number;
  static int live;
};
int Layer::live = 0;

// Reads "hi" behind a handshake, and leaves a layer; the next takes it.
struct Stack {
  Hooks lower{.start =
                  [](ProbeContext& context, Seen&) {
                    EXPECT_EQ(context.layer, nullptr);
                    EXPECT_EQ(context.next, "hook");
                    context.handshaking = true;
                    return Step::send(as_bytes("hello"));
                  },
              .bytes =
                  [this](ProbeContext& context, Seen& seen) {
                    if (seen.bytes < 2) return Step::more();
                    if (ends_handshake) context.handshaking = false;
                    return verdict;
                  },
              .leave = [this]() -> std::unique_ptr<engine::OpenLayer> {
                return leaves ? std::make_unique<Layer>(7) : nullptr;
              }};
  Hooks upper{.start =
                  [this](ProbeContext& context, Seen&) {
                    EXPECT_TRUE(context.next.empty());
                    took = 0;
                    if (context.layer != nullptr && takes) {
                      const std::unique_ptr<engine::OpenLayer> mine = std::move(*context.layer);
                      took = dynamic_cast<Layer&>(*mine).number;
                    }
                    return Step::send(as_bytes("ask"));
                  },
              .bytes = [](ProbeContext&, Seen&) { return Step::done(Outcome::kSuccess); }};
  OneScript server{{{.kind = Act::Kind::kAwait, .count = 1},
                    {.kind = Act::Kind::kPause, .pause = 30 * kMillisecond},
                    {.kind = Act::Kind::kSend, .bytes = "hi"},
                    {.kind = Act::Kind::kAwait, .count = 1},
                    {.kind = Act::Kind::kSend, .bytes = "answer"}}};
  Step verdict = Step::done(Outcome::kSuccess);
  bool ends_handshake = false;  // in the call of the verdict
  bool leaves = true;
  bool takes = true;
  int took = 0;
};

TEST(LayerSim, the_next_probe_goes_on_over_the_same_connection) {
  for (const bool ends_handshake : {false, true}) {
    Stack stack;
    stack.ends_handshake = ends_handshake;
    PassRun run({&stack.lower, &stack.upper}, stack.server.population(), {.concurrency = 1});
    run.run();
    ASSERT_EQ(run.consumer.kept.size(), 2U);
    EXPECT_EQ(run.shard->stats().attempts.value(), 1U);
    EXPECT_EQ(stack.took, 7);
    EXPECT_EQ(Layer::live, 0);
    const Kept& lower = run.record(0);
    const Kept& upper = run.record(1);
    EXPECT_EQ(lower.outcome, Outcome::kSuccess);
    EXPECT_EQ(upper.outcome, Outcome::kSuccess);
    EXPECT_NEAR(timing(lower, Phase::kTls), 40'000, 6000);
    EXPECT_EQ(timing(upper, Phase::kTls), timing(lower, Phase::kTls)) << "both tell of the connection";
    EXPECT_EQ(timing(upper, Phase::kConnect), timing(lower, Phase::kConnect));
    EXPECT_GT(timing(upper, Phase::kFirstByte), 0);
    EXPECT_GT(timing(upper, Phase::kDone), timing(lower, Phase::kDone));
    expect_sums(lower);
    expect_sums(upper);
  }
}

TEST(LayerSim, needs_a_connection_of_its_own_where_nothing_is_left) {
  const auto attempts = [](auto change) {
    Stack stack;
    change(stack);
    PassRun run({&stack.lower, &stack.upper}, stack.server.population(), {.concurrency = 1});
    run.run();
    EXPECT_EQ(run.consumer.kept.size(), 2U);
    EXPECT_EQ(stack.took, 0);
    EXPECT_EQ(Layer::live, 0);
    return run.shard->stats().attempts.value();
  };
  EXPECT_EQ(attempts([](Stack& stack) { stack.leaves = false; }), 2U);
  EXPECT_EQ(attempts([](Stack& stack) { stack.verdict = Step::done(Outcome::kTlsError); }), 2U);
  EXPECT_EQ(attempts([](Stack& stack) { stack.verdict = stack.verdict.after(as_bytes("bye")); }), 2U);
  EXPECT_EQ(attempts([](Stack& stack) { stack.verdict.graceful = true; }), 2U);
  EXPECT_EQ(attempts([](Stack& stack) { stack.takes = false; }), 1U) << "what is not taken is gone";
}

TEST(LayerSim, is_not_left_on_a_later_connection) {
  Stack stack;
  stack.lower.start = [](ProbeContext& context, Seen&) {
    context.handshaking = true;
    return Step::send(as_bytes("hello"));
  };
  stack.lower.bytes = [](ProbeContext& context, Seen&) {
    return context.connection == 0 ? Step::reconnect() : Step::done(Outcome::kSuccess);
  };
  PassRun run({&stack.lower, &stack.upper}, stack.server.population(), {.concurrency = 1});
  run.run();
  EXPECT_EQ(run.shard->stats().attempts.value(), 3U);
  EXPECT_EQ(stack.took, 0);
}

TEST(LayerSim, the_next_probe_may_turn_away_from_it) {
  Stack stack;
  static const Detour kThere{.host = {}, .address = kElsewhere, .port = 8080};
  stack.upper.start = [](ProbeContext& context, Seen&) {
    return context.connection == 0 ? Step::go_on_at(kThere) : Step::done(Outcome::kSuccess);
  };
  PassRun run({&stack.lower, &stack.upper}, stack.server.population(), {.concurrency = 1});
  run.run();
  EXPECT_EQ(run.backend.connects[kElsewhere8080], 1U);
  EXPECT_EQ(run.record(1).outcome, Outcome::kSuccess);
  EXPECT_EQ(run.record(1).endpoint, run.record(0).endpoint);
  EXPECT_NEAR(timing(run.record(1), Phase::kConnect), 20'000, 2) << "of the shared one and of its own";
  expect_sums(run.record(1));
}

TEST(PassSim, what_comes_behind_a_detour_goes_to_the_target) {
  const OneScript mute(kMute);
  const Detour detour{.host = "other.example", .address = kElsewhere, .port = 8080};
  for (const bool blocked : {false, true}) {
    Hooks first{.start = turns_to(detour)};
    std::vector<Endpoint> seen;
    Hooks second{.start = [&seen](ProbeContext& context, Seen&) {
      seen.push_back(context.endpoint);
      EXPECT_TRUE(context.host.empty());
      EXPECT_EQ(context.connection, 0U);
      return Step::done(Outcome::kSuccess);
    }};
    ShardOptions options{.concurrency = 3};
    options.is_excluded = [blocked](const IpAddress& address) { return blocked && address == kElsewhere; };
    PassRun run({&first, &second}, mute.population(), options, endpoints(3), {.per_host = 1});
    run.run();
    EXPECT_EQ(run.consumer.kept.size(), 6U);
    std::ranges::sort(seen);
    EXPECT_EQ(seen, endpoints(3));
    EXPECT_EQ(run.shard->stats().started.value(), run.shard->stats().finished.value());
  }
}

TEST(PassSim, transports_do_not_share_a_connection) {
  const OneScript mute(kMute);
  Hooks first{.start = succeed};
  Hooks second{.start = succeed};
  Hooks third{.start = succeed};
  PassRun run({&first, &second, &third}, mute.population(), {.concurrency = 1}, endpoints(1), {},
              {Transport::kTcp, Transport::kUdp, Transport::kTcp});
  run.run();
  EXPECT_EQ(run.consumer.kept.size(), 3U);
  EXPECT_EQ(run.backend.transports, (std::vector{Transport::kTcp, Transport::kUdp, Transport::kTcp}));
  EXPECT_EQ(timing(run.record(1), Phase::kConnect), results::kNoTiming) << "a datagram socket does not connect";
}

TEST(PassSim, a_detour_may_change_the_transport) {
  const OneScript mute(kMute);
  const Detour detour{.host = {}, .address = IpAddress::v4(0x7f5b0000), .port = 80, .transport = Transport::kTcp};
  Hooks hooks{.start = turns_to(detour)};
  PassRun run({&hooks}, mute.population(), {.concurrency = 1}, endpoints(1), {}, {Transport::kUdp});
  run.run();
  EXPECT_EQ(run.backend.transports, (std::vector{Transport::kUdp, Transport::kTcp}));
  EXPECT_NEAR(timing(run.record(), Phase::kConnect), 10'000, 1);
}

}  // namespace
}  // namespace sonde::testing_sim
