// One table, every backend: each role of the population says what a tcp and a banner probe must find; the simulator
// plays the roles in virtual time, the world plays them on real sockets over loopback. The verdicts must be the table's
// on both.
#include <gtest/gtest.h>

#include "harness.h"
#include "io/epoll_backend.h"
#include "population/population.h"
#include "world/server.h"

// A world's thread has a descriptor table of its own, so descriptor 5 there is another file than descriptor 5 here.
// ThreadSanitizer does not know that and takes them for one.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:sonde::world::Server::Table::";
}

namespace sonde::testing_sim {
namespace {

using population::Population;
using population::Role;

population::Mix every_role(bool simulator) {
  population::Mix mix;
  for (const Role& role : population::roles())
    if (simulator || role.arrival != population::Arrival::kUnreachable) mix.weights.emplace_back(&role, 1);
  return mix;
}

void expect_verdicts(const std::vector<Kept>& kept, const Population& population, const std::string& probe,
                     std::size_t targets) {
  EXPECT_EQ(kept.size(), targets);
  std::map<std::string_view, int> seen;
  for (const Kept& record : kept) {
    const Role& role = population.role_of(record.endpoint);
    const population::Expectation& expected = probe == "tcp" ? role.tcp : role.banner;
    ++seen[role.name];
    EXPECT_EQ(results::name(record.outcome), expected.outcome) << role.name << " " << probe << " " << record.error;
    EXPECT_EQ(results::name(record.phase), expected.phase) << role.name << " " << probe;
    EXPECT_EQ(results::name(record.cause), expected.cause) << role.name << " " << probe;
    EXPECT_EQ(record.rtt_us.has_value(), expected.outcome == "timeout")
        << role.name << ": timeouts alone are asked for";
    if (record.rtt_us) {
      EXPECT_EQ(*record.rtt_us > 0, record.phase != results::Phase::kConnect) << role.name;
    }
    if (probe != "banner") continue;
    EXPECT_EQ(record.text(0), expected.protocol) << role.name;
    if (!expected.text.empty()) {
      EXPECT_EQ(record.text(1), expected.text) << role.name;
    }
    std::int64_t sum = 0;
    for (std::size_t i = 0; i + 1 < record.timing_us.size(); ++i) sum += std::max(record.timing_us[i], 0);
    EXPECT_LE(sum, record.timing_us.back()) << "phases add up to no more than the total";
  }
  EXPECT_EQ(seen.size(), population.mix().weights.size()) << "every role must have been met";
}

class Scenario : public testing::TestWithParam<const char*> {};

TEST_P(Scenario, has_the_tables_verdicts_on_the_simulator) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const Population population(every_role(true), seed);
    ListSource source(endpoints(400));
    KeepAll consumer;
    SimRun run(population, {.seed = seed}, {.concurrency = 100}, {GetParam()}, source, consumer);
    run.run();
    expect_verdicts(consumer.kept, population, GetParam(), 400);
    EXPECT_EQ(run.pool.stats().in_use, 0U);
    EXPECT_EQ(run.backend.open(), 0U);
  }
}

TEST_P(Scenario, has_the_tables_verdicts_on_epoll_over_loopback) {
  const Population population(every_role(false), 7);
  world::ServerOptions serve;
  serve.population = &population;
  serve.prefix = IpAddress::v4(0x7f5b0000);
  serve.prefix_length = 23;
  serve.ports = {0};  // one that is free
  world::Server server;
  const Parsed<> started = server.start(serve);
  ASSERT_TRUE(started) << started.error().text;
  const std::uint16_t port = server.ports().front();

  memory::RingPool pool;
  auto backend = io::EpollBackend::create(pool);
  ASSERT_TRUE(backend);
  ListSource source(endpoints(300, {port}));
  KeepAll consumer;
  Modules modules({GetParam()});
  engine::Limits limits = make_limits({});
  {
    // Short budgets: what is silent here stays silent.
    engine::Shard shard(
        {.concurrency = 300, .connect_timeout = kSecond, .read_timeout = 4 * kSecond, .fatal_audit = true},
        modules.pass, source, limits, **backend, pool, nullptr, consumer);
    while (shard.turn((*backend)->refresh() + 10 * kMillisecond)) {
    }
  }
  expect_verdicts(consumer.kept, population, GetParam(), 300);
}

INSTANTIATE_TEST_SUITE_P(Probes, Scenario, testing::Values("tcp", "banner"),
                         [](const auto& probe) { return std::string(probe.param); });

}  // namespace
}  // namespace sonde::testing_sim
