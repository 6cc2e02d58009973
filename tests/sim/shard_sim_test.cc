// The engine's promises, in virtual time: deadlines, retries, limits, rates, local faults, cuts, and a million probes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness.h"

namespace sonde::testing_sim {
namespace {

using population::Population;
using results::Outcome;
using results::Phase;

Population only(const char* mix, std::uint64_t seed = 1) { return {*population::parse_mix(mix), seed}; }

std::int32_t total(const Kept& record) { return record.timing_us[static_cast<std::size_t>(Phase::kDone)]; }

TEST(ShardSim, a_silent_target_times_out_exact_to_the_tick) {
  const Population population = only("silent=1");
  ListSource source(endpoints(5000));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 2000, .connect_timeout = 777 * kMillisecond}, {"tcp"}, source, consumer,
             {.rate = 12'345});
  run.run();
  ASSERT_EQ(consumer.kept.size(), 5000U);
  for (const Kept& record : consumer.kept) {
    ASSERT_EQ(record.outcome, Outcome::kTimeout);
    ASSERT_EQ(record.phase, Phase::kConnect);
    ASSERT_GE(total(record), 777'000);
    ASSERT_LE(total(record), 778'000);
  }
  EXPECT_LE(run.shard->deadline_lateness_us().max(), 1000U);
}

TEST(ShardSim, the_nearest_of_phase_and_total_deadline_fires) {
  const Population population = only("open_mute=1");
  ListSource source(endpoints(100));
  KeepAll consumer;
  SimRun run(population, {.rtt_min = 10 * kMillisecond, .rtt_max = 10 * kMillisecond},
             {.concurrency = 100, .read_timeout = 5 * kSecond, .timeout = 400 * kMillisecond}, {"banner"}, source,
             consumer);
  run.run();
  for (const Kept& record : consumer.kept) {
    ASSERT_EQ(record.outcome, Outcome::kTimeout);
    ASSERT_EQ(record.phase, Phase::kFirstByte);
    ASSERT_NEAR(total(record), 400'000, 1000);
  }
}

TEST(ShardSim, a_timeout_is_tried_again_and_an_answer_never) {
  const Population population = only("silent=1,refused=1");
  ListSource source(endpoints(1000));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 1000, .connect_timeout = 100 * kMillisecond, .retries = 2}, {"tcp"},
             source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 1000U);
  std::uint64_t timeouts = 0;
  for (const Kept& record : consumer.kept) {
    EXPECT_EQ(record.attempts, record.outcome == Outcome::kTimeout ? 3U : 1U);
    EXPECT_LE(total(record), 101'000) << "the total is of the last attempt";
    timeouts += record.outcome == Outcome::kTimeout ? 1 : 0;
  }
  EXPECT_GT(timeouts, 300U);
  EXPECT_EQ(run.shard->stats().retries.value(), 2 * timeouts);
  EXPECT_EQ(run.shard->stats().started.value(), 1000U) << "probes, not attempts";
  EXPECT_EQ(run.shard->stats().attempts.value(), 1000 + 2 * timeouts);
}

TEST(ShardSim, the_rate_holds_with_retries_counted_in) {
  const Population population = only("silent=1");
  ListSource source(endpoints(2000));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 2000, .connect_timeout = 50 * kMillisecond, .retries = 3}, {"tcp"}, source,
             consumer, {.rate = 1000});
  const Nanos start = run.backend.now();
  while (run.shard->turn(run.backend.now() + kSecond)) {
    const double seconds = static_cast<double>(run.backend.now() - start) / kSecond;
    ASSERT_LE(static_cast<double>(run.shard->stats().attempts.value()), 1000 * seconds + 10 + 1);
  }
  EXPECT_EQ(run.shard->stats().attempts.value(), 8000U);
  EXPECT_NEAR(static_cast<double>(run.backend.now() - start) / kSecond, 8.0, 0.2);
}

TEST(ShardSim, no_more_than_so_many_in_flight_to_one_address) {
  const Population population = only("silent=1,open_mute=1");
  std::vector<std::uint16_t> ports;
  for (std::uint16_t port = 1; port <= 300; ++port) ports.push_back(port);
  ListSource source(endpoints(3, ports));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 900, .connect_timeout = 200 * kMillisecond}, {"tcp"}, source, consumer,
             {.per_host = 7});
  while (run.shard->turn(run.backend.now() + kSecond)) ASSERT_LE(run.backend.open(), 3U * 7U);
  EXPECT_EQ(consumer.kept.size(), 900U);
  EXPECT_EQ(run.shard->stats().in_flight_peak.value(), 21U) << "the limit is used, not only kept";
}

TEST(ShardSim, no_more_than_so_many_in_flight_to_one_prefix) {
  const Population population = only("silent=1");
  ListSource source(endpoints(1024));  // four /24
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 1024, .connect_timeout = 100 * kMillisecond}, {"tcp"}, source, consumer,
             {.per_prefix = 10});
  run.run();
  EXPECT_EQ(consumer.kept.size(), 1024U);
  EXPECT_EQ(run.shard->stats().in_flight_peak.value(), 40U);
}

TEST(ShardSim, lack_of_descriptors_slows_down_and_finds_everything) {
  const Population population = only("open_mute=8,refused=1,silent=1");
  ListSource source(endpoints(5000));
  KeepAll consumer;
  SimRun run(population, {.descriptors = 40}, {.concurrency = 1000, .connect_timeout = 100 * kMillisecond}, {"tcp"},
             source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 5000U);
  for (const Kept& record : consumer.kept)
    EXPECT_EQ(results::name(record.outcome), population.role_of(record.endpoint).tcp.outcome);
  EXPECT_GT(run.shard->stats().local_faults.value(), 0U)
      << "the fault must have happened for the test to mean something";
  EXPECT_LE(run.shard->stats().local_faults.value(), 1000U) << "it slows down instead of trying on and on";
}

TEST(ShardSim, lack_of_memory_and_ports_is_never_the_targets_state) {
  const Population population = only("open_mute=1,refused=1");
  ListSource source(endpoints(3000));
  KeepAll consumer;
  SimRun run(population, {.no_memory = 0.2, .no_ports = 0.2}, {.concurrency = 500}, {"tcp"}, source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 3000U);
  for (const Kept& record : consumer.kept)
    EXPECT_EQ(results::name(record.outcome), population.role_of(record.endpoint).tcp.outcome);
}

TEST(ShardSim, what_this_machine_can_never_do_ends_in_local_error) {
  const Population population = only("open_mute=1");
  ListSource source(endpoints(50));
  KeepAll consumer;
  SimRun run(population, {.no_ports = 1.0}, {.concurrency = 10}, {"tcp"}, source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 50U);
  for (const Kept& record : consumer.kept) EXPECT_EQ(record.outcome, Outcome::kLocalError);
}

TEST(ShardSim, a_pass_of_two_probes_gives_two_records_over_one_connection) {
  const Population population = only("ssh=1");
  ListSource source(endpoints(200));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 50}, {"tcp", "banner"}, source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 400U);
  EXPECT_EQ(run.shard->stats().attempts.value(), 200U);
  std::map<Endpoint, std::string> order;
  for (const Kept& record : consumer.kept) {
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    order[record.endpoint] += record.probe + " ";
  }
  for (const auto& [endpoint, probes] : order) EXPECT_EQ(probes, "tcp banner ");
}

TEST(ShardSim, a_pass_over_a_refused_port_refuses_both) {
  const Population population = only("refused=1");
  ListSource source(endpoints(10));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 5}, {"tcp", "banner"}, source, consumer);
  run.run();
  EXPECT_EQ(consumer.kept.size(), 20U);
  EXPECT_EQ(run.outcome(Outcome::kRefused), 20U);
}

TEST(ShardSim, a_cut_leaves_every_drawn_position_finished_or_pending) {
  for (const bool records : {false, true}) {
    const Population population = only("silent=1,ssh=2,refused=1");
    ListSource source(endpoints(3000));
    KeepAll consumer;
    SimRun run(population, {}, {.concurrency = 300, .retries = 1, .cut_records = records}, {"banner"}, source, consumer,
               {.per_prefix = 100});
    for (int turn = 0; turn < 400; ++turn) run.shard->turn(run.backend.now() + kSecond);
    run.shard->cut();
    std::set<std::uint64_t> positions;
    for (const std::uint64_t position : run.shard->pending()) EXPECT_TRUE(positions.insert(position).second);
    std::size_t finished = 0;
    for (const Kept& record : consumer.kept) {
      if (record.outcome == Outcome::kCancelled) continue;
      ++finished;
      EXPECT_TRUE(positions.insert(record.endpoint.address.v4_bits() - 0x7f5b0000).second) << "finished and pending";
    }
    EXPECT_GT(finished, 0U);
    EXPECT_EQ(positions.size(), source.cursor());
    const engine::ShardStats& stats = run.shard->stats();
    EXPECT_EQ(stats.started.value(), stats.finished.value() + stats.abandoned.value());
    EXPECT_EQ(stats.abandoned.value() == 0, records) << "with records, what is cut is cancelled";
  }
}

TEST(ShardSim, a_consumer_that_takes_no_more_leaves_the_rest_pending) {
  const Population population = only("open_mute=1");
  ListSource source(endpoints(500));
  KeepAll consumer;
  consumer.limit = 100;
  SimRun run(population, {}, {.concurrency = 50}, {"tcp"}, source, consumer);
  run.run();
  EXPECT_EQ(consumer.kept.size(), 100U);
  EXPECT_EQ(run.shard->stats().finished.value(), 100U);
  EXPECT_EQ(run.shard->pending().size(), 400U);
}

TEST(ShardSim, the_same_seed_gives_the_same_run) {
  const auto once = [](std::uint64_t seed) {
    const Population population = only("ssh=2,http=1,silent=1,refused=3,split=1", 9);
    ListSource source(endpoints(800));
    KeepAll consumer;
    SimRun run(population, {.seed = seed, .no_memory = 0.05},
               {.concurrency = 100, .connect_timeout = 300 * kMillisecond, .retries = 1}, {"banner"}, source, consumer,
               {.rate = 5000});
    run.run();
    return consumer.kept;
  };
  EXPECT_EQ(once(3), once(3));
  EXPECT_NE(once(3), once(4));
}

TEST(ShardSim, a_million_probes_reconcile) {
  const Population population = only("default");
  ListSource source(endpoints(250'000, {22, 25, 80, 443}));
  CountOnly consumer;
  SimRun run(population, {}, {.concurrency = 20'000}, {"tcp"}, source, consumer);
  run.run();
  std::uint64_t sum = 0;
  for (const auto& [outcome, count] : consumer.outcomes) sum += count;
  EXPECT_EQ(sum, 1'000'000U);
  EXPECT_EQ(run.shard->stats().started.value(), 1'000'000U);
  EXPECT_EQ(run.shard->stats().finished.value(), 1'000'000U);
  EXPECT_EQ(run.shard->audit().illegal_moves(), 0U);
  EXPECT_EQ(run.backend.open(), 0U);
}

}  // namespace
}  // namespace sonde::testing_sim
