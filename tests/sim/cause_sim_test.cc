// Whose connections the kernel is asked about, and what is told of a timeout then.
#include <gtest/gtest.h>

#include "harness.h"

namespace sonde::testing_sim {
namespace {

using engine::TcpInfoUse;
using population::Population;
using results::Cause;
using results::Outcome;

struct Ran {
  std::vector<Kept> kept;
  std::uint64_t reads = 0;
};

Ran banner_scan(const char* mix, engine::ShardOptions options, const std::vector<std::string>& probes = {"banner"}) {
  const Population population(*population::parse_mix(mix), 1);
  ListSource source(endpoints(300));
  KeepAll consumer;
  options.concurrency = 100;
  SimRun run(population, {}, options, probes, source, consumer);
  run.run();
  return {.kept = std::move(consumer.kept), .reads = run.shard->stats().tcp_info_reads.value()};
}

std::uint64_t count_of(const std::vector<Kept>& kept, Outcome outcome) {
  return static_cast<std::uint64_t>(
      std::count_if(kept.begin(), kept.end(), [outcome](const Kept& record) { return record.outcome == outcome; }));
}

TEST(CauseSim, the_kernel_is_asked_once_a_timeout_and_not_before_another_attempt) {
  const Ran ran = banner_scan("silent=1,open_mute=1,deaf=1,half_line=1,ssh=1,refused=1", {.retries = 2});
  const std::uint64_t timeouts = count_of(ran.kept, Outcome::kTimeout);
  EXPECT_GT(timeouts, 100U);
  EXPECT_LT(timeouts, 300U);
  EXPECT_EQ(ran.reads, timeouts);
}

TEST(CauseSim, none_asks_never_and_tells_what_follows_without) {
  const Ran ran = banner_scan("silent=1,open_mute=1,deaf=1,half_line=1", {.tcp_info = TcpInfoUse::kNone});
  EXPECT_EQ(ran.reads, 0U);
  std::map<Cause, int> seen;
  for (const Kept& record : ran.kept) {
    ++seen[record.cause];
    EXPECT_FALSE(record.rtt_us.has_value());
    EXPECT_EQ(record.cause == Cause::kSynUnanswered, record.phase == results::Phase::kConnect);
    EXPECT_EQ(record.cause == Cause::kPartialReply, record.phase == results::Phase::kRead);
  }
  EXPECT_EQ(seen.size(), 3U) << "syn_unanswered, partial_reply, and none for the two that only the kernel tells apart";
}

TEST(CauseSim, a_timeout_before_anything_was_sent_needs_no_kernel) {
  const Ran ran = banner_scan("open_mute=1", {.read_timeout = 100 * kMillisecond, .tcp_info = TcpInfoUse::kNone});
  for (const Kept& record : ran.kept) EXPECT_EQ(record.cause, Cause::kAckedNoReply);
}

TEST(CauseSim, all_asks_for_every_probe_that_had_a_connection_and_every_timeout) {
  const Ran ran = banner_scan("silent=1,ssh=1,reset_on_accept=1,close_on_accept=1,refused=1,unreachable=1",
                              {.tcp_info = TcpInfoUse::kAll});
  std::map<Outcome, int> told;
  for (const Kept& record : ran.kept) {
    const bool connected =
        record.outcome == Outcome::kSuccess || record.outcome == Outcome::kReset || record.outcome == Outcome::kClosed;
    EXPECT_EQ(record.rtt_us.has_value(), connected || record.outcome == Outcome::kTimeout);
    if (connected) {
      EXPECT_GE(*record.rtt_us, 1000U) << "the simulator's shortest";
    }
    EXPECT_EQ(record.cause, record.outcome == Outcome::kTimeout ? Cause::kSynUnanswered : Cause::kNone);
    if (record.rtt_us) ++told[record.outcome];
  }
  EXPECT_EQ(told.size(), 4U) << "success, reset, closed, timeout";
}

TEST(CauseSim, all_asks_once_for_all_probes_that_a_failed_connect_ends) {
  const Ran ran = banner_scan("silent=1", {.tcp_info = TcpInfoUse::kAll}, {"tcp", "banner"});
  EXPECT_EQ(ran.kept.size(), 600U);
  EXPECT_EQ(ran.reads, 300U);
  for (const Kept& record : ran.kept) EXPECT_EQ(record.cause, Cause::kSynUnanswered) << record.probe;
}

TEST(CauseSim, the_error_says_what_the_kernel_knows_and_else_what_the_probe_does) {
  const Ran ran = banner_scan("silent=1,open_mute=1,deaf=1,half_line=1", {});
  std::map<Cause, std::string> texts;
  for (const Kept& record : ran.kept) texts[record.cause] = record.error;
  const std::map<Cause, std::string> expected = {
      {Cause::kSynUnanswered, "no answer to the SYN"},
      {Cause::kRequestUnacked, "connected, but the request was never acknowledged"},
      {Cause::kAckedNoReply, "silent, also to a hello"},
      {Cause::kPartialReply, "a greeting or answer was not finished"}};
  EXPECT_EQ(texts, expected);
}

}  // namespace
}  // namespace sonde::testing_sim
