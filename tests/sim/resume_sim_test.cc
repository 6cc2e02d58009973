// Resuming, as arithmetic: a scan that is cut anywhere, any number of times, with any number of shards, meets every
// position, and no position twice but those that had not ended.
#include <gtest/gtest.h>

#include <map>

#include "base/mix.h"
#include "harness.h"
#include "targets/indexed_source.h"
#include "targets/port_set.h"
#include "targets/target_set_builder.h"

namespace sonde::testing_sim {
namespace {

using results::Outcome;

targets::TargetSet small_set() {
  targets::TargetSetBuilder builder;
  builder.set_ports(*targets::PortSet::parse("22,80,443"));
  EXPECT_TRUE(builder.add("127.91.0.0/23"));
  EXPECT_TRUE(builder.add("127.92.0.1-127.92.0.77"));
  return *builder.build();
}

TEST(Resume, cut_anywhere_and_often_nothing_is_missed_and_nothing_that_ended_is_probed_again) {
  const population::Population population(*population::parse_mix("ssh=1,silent=1,refused=2"), 3);
  const targets::TargetSet set = small_set();
  for (const std::uint32_t shards : {1U, 3U}) {
    std::map<Endpoint, int> ended;
    for (std::uint32_t shard = 1; shard <= shards; ++shard) {
      std::uint64_t cursor = 0;
      std::vector<std::uint64_t> pending;
      int runs = 0;
      for (bool done = false; !done; ++runs) {
        ASSERT_LT(runs, 500);
        targets::IndexedSource source(
            set, {.seed = 11, .shard = shard, .shards = shards, .cursor = cursor, .pending = pending});
        KeepAll consumer;
        SimRun run(population, {.seed = mix64(shards, static_cast<std::uint64_t>(runs))},
                   {.concurrency = 60, .connect_timeout = 200 * kMillisecond}, {"tcp"}, source, consumer);
        const std::uint64_t turns = 1 + mix64(shard, static_cast<std::uint64_t>(runs)) % 40;
        done = true;
        for (std::uint64_t turn = 0; turn < turns; ++turn) {
          done = !run.shard->turn(run.backend.now() + kSecond);
          if (done) break;
        }
        run.shard->cut();
        for (const Kept& record : consumer.kept) ++ended[record.endpoint];
        cursor = source.cursor();
        pending = run.shard->pending();
        source.append_pending(pending);
        done = done && pending.empty();
      }
      EXPECT_GT(runs, 5) << "the cuts must have happened";
    }
    EXPECT_EQ(ended.size(), set.size());
    for (const auto& [endpoint, times] : ended) EXPECT_EQ(times, 1) << to_string(endpoint);
  }
}

}  // namespace
}  // namespace sonde::testing_sim
