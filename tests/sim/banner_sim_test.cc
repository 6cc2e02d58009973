// The banner probe through the whole engine: what its further connections cost, and what only several ports show.
#include <gtest/gtest.h>

#include "harness.h"
#include "population/population.h"
#include "probes/banner/banner_fields.h"

namespace sonde::testing_sim {
namespace {

using population::Population;
using probes::BannerField;

Population only(std::string_view mix) { return Population(*population::parse_mix(mix), 1); }

std::size_t at(BannerField field) { return static_cast<std::size_t>(field); }

TEST(BannerSim, an_ssh_server_tells_its_algorithms_in_the_connection_of_its_identification) {
  const Population population = only("ssh=1");
  ListSource source(endpoints(50));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 50}, {"banner"}, source, consumer);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 50U);
  for (const Kept& record : consumer.kept) {
    const auto* kex = std::get_if<std::vector<std::string>>(&record.values[at(BannerField::kSshKex)]);
    ASSERT_NE(kex, nullptr);
    EXPECT_EQ(kex->front(), "curve25519-sha256");
    EXPECT_LT(record.timing_us.back(), 500'000) << "nothing is waited for";
  }
  EXPECT_EQ(run.shard->stats().attempts.value(), 50U);
}

TEST(BannerSim, a_mute_server_gets_two_connections_and_no_retries) {
  const Population population = only("open_mute=1");
  ListSource source(endpoints(50, {4711}));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 50, .retries = 3}, {"banner"}, source, consumer);
  run.run();
  EXPECT_EQ(run.shard->stats().attempts.value(), 100U);
  EXPECT_EQ(run.shard->stats().retries.value(), 0U) << "every hello was a try";
  for (const Kept& record : consumer.kept) {
    EXPECT_EQ(record.outcome, results::Outcome::kTimeout);
    EXPECT_EQ(record.cause, results::Cause::kAckedNoReply);
  }
}

TEST(BannerSim, from_the_eighth_silent_port_of_an_address_on_records_tell_a_suspicion) {
  const Population population = only("open_mute=1");
  std::vector<std::uint16_t> ports;
  for (std::uint16_t port = 4001; port <= 4020; ++port) ports.push_back(port);
  ListSource source(endpoints(3, ports));
  KeepAll consumer;
  SimRun run(population, {}, {.concurrency = 7}, {"banner"}, source, consumer);
  run.run();
  std::map<IpAddress, int> unsuspected;
  for (const Kept& record : consumer.kept)
    if (record.text(at(BannerField::kSuspect)) != "silent") ++unsuspected[record.endpoint.address];
  ASSERT_EQ(unsuspected.size(), 3U);
  for (const auto& [address, count] : unsuspected) EXPECT_EQ(count, 7);
}

}  // namespace
}  // namespace sonde::testing_sim
