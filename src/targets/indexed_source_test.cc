#include "targets/indexed_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "targets/target_set_builder.h"

namespace sonde::targets {
namespace {

TargetSet set_of(std::initializer_list<const char*> texts, const char* ports, const char* excluded = nullptr) {
  TargetSetBuilder builder;
  for (const char* text : texts) EXPECT_TRUE(builder.add(text));
  builder.set_ports(*PortSet::parse(ports));
  Exclusion exclusion;
  if (excluded) {
    EXPECT_TRUE(exclusion.add(excluded));
  }
  auto set = builder.build(exclusion);
  EXPECT_TRUE(set);
  return std::move(*set);
}

std::string text_of(const Target& target) {
  return (target.host.empty() ? to_string(target.endpoint) : target.host + ":" + std::to_string(target.endpoint.port)) +
         (target.blocked ? " blocked" : "");
}

std::vector<Target> drain(TargetSource& source, std::size_t batch = 7) {
  std::vector<Target> all, out(batch);
  while (!source.exhausted()) {
    const std::size_t given = source.take(out);
    all.insert(all.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(given));
  }
  EXPECT_EQ(source.take(out), 0u);
  return all;
}

std::vector<std::string> texts_of(const std::vector<Target>& targets) {
  std::vector<std::string> out;
  for (const Target& target : targets) out.push_back(text_of(target));
  return out;
}

TEST(IndexedSource, gives_every_target_once_in_order_of_position) {
  const TargetSet set = set_of({"10.0.0.0/26", "a.example"}, "80,443");
  IndexedSource source(set, {.seed = 3});
  EXPECT_EQ(source.total(), 130u);
  const auto all = drain(source);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].position, i);
  const auto texts = texts_of(all);
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), 130u);
  EXPECT_EQ(source.cursor(), 130u);
}

TEST(IndexedSource, the_same_seed_is_the_same_order_whatever_the_batches) {
  const TargetSet set = set_of({"10.0.0.0/24"}, "80");
  IndexedSource first(set, {.seed = 3}), second(set, {.seed = 3}), third(set, {.seed = 4});
  const auto want = texts_of(drain(first, 1));
  EXPECT_EQ(texts_of(drain(second, 100)), want);
  EXPECT_NE(texts_of(drain(third)), want);
}

TEST(IndexedSource, sequential_is_by_address_then_port) {
  const TargetSet set = set_of({"10.0.0.0/31"}, "80,443");
  IndexedSource source(set, {.sequential = true, .seed = 9});
  EXPECT_EQ(texts_of(drain(source)),
            (std::vector<std::string>{"10.0.0.0:80", "10.0.0.0:443", "10.0.0.1:80", "10.0.0.1:443"}));
}

TEST(IndexedSource, shards_are_disjoint_and_together_complete) {
  const TargetSet set = set_of({"10.0.0.0-10.0.0.100", "b.example:9"}, "80,443,8080");
  for (const std::uint32_t shards : {1u, 2u, 3u, 7u, 304u, 500u}) {
    std::multiset<std::string> all;
    std::uint64_t sum = 0;
    for (std::uint32_t shard = 1; shard <= shards; ++shard) {
      IndexedSource source(set, {.seed = 5, .shard = shard, .shards = shards});
      const auto texts = texts_of(drain(source));
      EXPECT_EQ(texts.size(), source.total());
      sum += texts.size();
      all.insert(texts.begin(), texts.end());
    }
    EXPECT_EQ(sum, set.size());
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), set.size()) << shards;
  }
}

TEST(IndexedSource, max_targets_counts_pairs_of_this_shard) {
  const TargetSet set = set_of({"10.0.0.0/24"}, "80");
  IndexedSource source(set, {.seed = 1, .shard = 2, .shards = 3, .max_targets = 10});
  EXPECT_EQ(source.total(), 10u);
  EXPECT_EQ(drain(source).size(), 10u);
  IndexedSource wide(set, {.max_targets = 1000});
  EXPECT_EQ(wide.total(), 256u);
}

TEST(IndexedSource, a_resume_gives_what_was_pending_and_what_follows_the_cursor) {
  const TargetSet set = set_of({"10.0.0.0/24"}, "80");
  IndexedSource whole(set, {.seed = 8, .shard = 1, .shards = 2});
  const auto all = texts_of(drain(whole));
  IndexedSource resumed(set, {.seed = 8, .shard = 1, .shards = 2, .cursor = 100, .pending = {99, 5, 5, 42, 1'000'000}});
  EXPECT_EQ(resumed.cursor(), 100u);
  std::vector<std::uint64_t> pending;
  resumed.append_pending(pending);
  EXPECT_EQ(pending, (std::vector<std::uint64_t>{5, 42, 99}));

  std::vector<Target> out(2);
  ASSERT_EQ(resumed.take(out), 2u);
  EXPECT_EQ(out[0].position, 5u);
  EXPECT_EQ(text_of(out[0]), all[5]);
  EXPECT_EQ(resumed.cursor(), 100u);
  pending.clear();
  resumed.append_pending(pending);
  EXPECT_EQ(pending, std::vector<std::uint64_t>{99});

  const auto rest = drain(resumed);
  ASSERT_EQ(rest.size(), 1 + 28u);
  EXPECT_EQ(rest[0].position, 99u);
  for (std::size_t i = 1; i < rest.size(); ++i) EXPECT_EQ(text_of(rest[i]), all[99 + i]);
}

TEST(IndexedSource, a_resume_at_the_end_has_only_what_was_pending) {
  const TargetSet set = set_of({"10.0.0.0/30"}, "80");
  IndexedSource source(set, {.cursor = 4, .pending = {1}});
  EXPECT_FALSE(source.exhausted());
  EXPECT_EQ(drain(source).size(), 1u);
}

TEST(IndexedSource, exclusions_added_on_resume_leave_all_positions_where_they_were) {
  const TargetSet set = set_of({"10.0.0.0/25", "a.example", "b.example"}, "80", "10.0.0.0/28");
  IndexedSource plain(set, {.seed = 6});
  const auto before = drain(plain);
  Exclusion more;
  ASSERT_TRUE(more.add("10.0.0.0/26,a.example"));
  IndexedSource source(set, {.seed = 6, .filter = &more});
  EXPECT_EQ(source.total(), plain.total());
  std::size_t names = 0;
  const auto after = drain(source);
  EXPECT_EQ(after.size(), 64u + 2);
  for (const Target& target : after) {
    EXPECT_FALSE(more.contains(target.endpoint.address));
    EXPECT_EQ(target.blocked, target.host == "a.example");
    EXPECT_EQ(target.endpoint, before[target.position].endpoint);
    EXPECT_EQ(target.host, before[target.position].host);
    names += !target.host.empty();
  }
  EXPECT_EQ(names, 2u);
}

TEST(IndexedSource, threads_share_the_targets_and_none_is_given_twice) {
  const TargetSet set = set_of({"10.0.0.0/16"}, "80");
  std::vector<std::uint64_t> pending;
  for (std::uint64_t i = 0; i < 500; ++i) pending.push_back(i * 2);
  IndexedSource source(set, {.seed = 2, .cursor = 1000, .pending = pending});
  std::vector<std::vector<std::uint64_t>> taken(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : taken)
      threads.emplace_back([&source, &mine] {
        std::vector<Target> out(13);
        while (const std::size_t given = source.take(out))
          for (std::size_t i = 0; i < given; ++i) mine.push_back(out[i].position);
      });
  }
  std::set<std::uint64_t> all;
  std::size_t count = 0;
  for (const auto& mine : taken) {
    all.insert(mine.begin(), mine.end());
    count += mine.size();
  }
  EXPECT_EQ(count, all.size());
  EXPECT_EQ(count, 65'536u - 1000 + 500);
  EXPECT_TRUE(source.exhausted());
}

}  // namespace
}  // namespace sonde::targets
