// --adaptive in virtual time: a network that drops what it is asked for beyond what it carries, with and without.
#include <gtest/gtest.h>

#include <set>

#include "harness.h"

namespace sonde::testing_sim {
namespace {

using population::Population;
using results::Outcome;

Population only(const char* mix) { return {*population::parse_mix(mix), 1}; }

struct Found {
  std::set<Endpoint> answered;
  std::uint64_t timeouts = 0;
  std::uint64_t attempts = 0;
  Nanos took = 0;
};

// 16 prefixes, each address with two ports, in an order that mixes the prefixes.
std::vector<Endpoint> sixteen_prefixes() {
  std::vector<Endpoint> out;
  for (std::uint32_t i = 0; i < 16 * 256; ++i)
    for (const std::uint16_t port : {80, 443})
      out.push_back({.address = IpAddress::v4(0x7f5b0000 + (i % 16) * 256 + i / 16), .port = port});
  return out;
}

Found scan(const Population& population, std::uint32_t carries, std::uint32_t retries, pacing::PrefixPace* pace) {
  ListSource source(sixteen_prefixes());
  KeepAll consumer;
  SimRun run(population, {.prefix_carries = carries}, {.concurrency = 4000, .retries = retries, .prefix_pace = pace},
             {"tcp"}, source, consumer);
  const Nanos began = run.backend.now();
  run.run();
  Found found{.took = run.backend.now() - began};
  for (const Kept& record : consumer.kept)
    if (record.outcome == Outcome::kSuccess || record.outcome == Outcome::kRefused)
      found.answered.insert(record.endpoint);
  found.timeouts = run.outcome(Outcome::kTimeout);
  found.attempts = run.shard->stats().attempts.value();
  EXPECT_EQ(consumer.kept.size(), 16U * 256 * 2);
  return found;
}

TEST(AdaptiveSim, fewer_false_timeouts_where_a_prefix_drops_what_is_too_much) {
  const Population population = only("open_mute=1,refused=1");  // all of them answer: every timeout is false
  pacing::PrefixPace pace(4096);
  const Found plain = scan(population, 40, 0, nullptr);
  const Found adaptive = scan(population, 40, 0, &pace);
  EXPECT_GT(plain.timeouts, 3000U);
  EXPECT_LT(adaptive.timeouts, plain.timeouts / 3);
  EXPECT_GT(pace.slowdowns(), 0U);
}

TEST(AdaptiveSim, with_retries_it_finds_more_with_fewer_attempts) {
  const Population population = only("open_mute=2,refused=1,silent=1");
  pacing::PrefixPace pace(4096);
  const Found truth = scan(population, 0, 0, nullptr);
  const Found plain = scan(population, 40, 2, nullptr);
  const Found adaptive = scan(population, 40, 2, &pace);
  EXPECT_LT(adaptive.attempts, plain.attempts);
  const std::size_t plain_missed = truth.answered.size() - plain.answered.size();
  const std::size_t missed = truth.answered.size() - adaptive.answered.size();
  EXPECT_GT(plain_missed, 100U);
  EXPECT_LT(missed, plain_missed / 5);
}

TEST(AdaptiveSim, finds_the_same_targets_where_nothing_is_dropped_and_takes_a_few_timeouts_longer) {
  const Population population = only("open_mute=1,refused=1,silent=2");
  pacing::PrefixPace pace(4096);
  const Found plain = scan(population, 0, 0, nullptr);
  const Found adaptive = scan(population, 0, 0, &pace);
  EXPECT_EQ(adaptive.answered, plain.answered);
  EXPECT_LE(adaptive.took, plain.took + 15 * kSecond);
}

}  // namespace
}  // namespace sonde::testing_sim
