#include "targets/permutation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <vector>

namespace sonde::targets {
namespace {

TEST(Permutation, is_a_bijection_for_any_size) {
  std::vector<std::uint64_t> sizes = {1, 2, 3, 4, 5, 6, 7, 10, 100, 1000, 99'991};
  for (int bit = 3; bit <= 16; ++bit)
    for (int around = -1; around <= 1; ++around) sizes.push_back((std::uint64_t{1} << bit) + around);
  for (const std::uint64_t size : sizes)
    for (const std::uint64_t seed : {0ULL, 1ULL, 0xffffffffffffffffULL}) {
      const Permutation permutation(size, seed);
      std::vector<bool> seen(size);
      for (std::uint64_t position = 0; position < size; ++position) {
        const std::uint64_t index = permutation.at(position);
        ASSERT_LT(index, size);
        ASSERT_FALSE(seen[index]) << size << " " << seed;
        seen[index] = true;
      }
    }
}

TEST(Permutation, the_largest_sizes_stay_inside_and_do_not_repeat) {
  for (const std::uint64_t size : {Permutation::kMaxSize, Permutation::kMaxSize - 1, Permutation::kMaxSize / 2 + 1}) {
    const Permutation permutation(size, 7);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const std::uint64_t position = i % 2 == 0 ? i : size - i;
      ASSERT_LT(permutation.at(position), size);
      ASSERT_TRUE(seen.insert(permutation.at(position)).second);
    }
  }
}

// Shards on several machines and resumes after an upgrade depend on these values: they never change.
TEST(Permutation, has_the_same_order_forever) {
  struct Golden {
    std::uint64_t size, seed;
    std::vector<std::uint64_t> first;
  };
  const Golden golden[] = {
      {10u, 1u, {6u, 1u, 4u, 9u, 0u, 7u}},
      {65536u, 1u, {51271u, 17140u, 6195u, 36559u, 29353u, 42399u}},
      {3702258432u, 42u, {3213257442u, 853368455u, 2746901597u, 195956797u, 2302798712u, 542260449u}},
      {1000003u, 3735928559u, {934141u, 26615u, 250463u, 616051u, 516997u, 314199u}},
      {4611686018427387904u,
       1u,
       {53301098591605243u, 458565307618264581u, 1145096094658172318u, 919757116511355742u, 1405657258743802358u,
        2291933668829363715u}},
  };
  for (const Golden& want : golden) {
    const Permutation permutation(want.size, want.seed);
    for (std::uint64_t i = 0; i < want.first.size(); ++i)
      EXPECT_EQ(permutation.at(i), want.first[i]) << want.size << " " << want.seed << " " << i;
  }
}

TEST(Permutation, another_seed_is_another_order) {
  const Permutation a(1'000'000, 1), b(1'000'000, 2);
  int same = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) same += a.at(i) == b.at(i);
  EXPECT_LT(same, 5);
}

// Consecutive targets must not crowd into one prefix: over any run of positions every /8 gets about its share.
TEST(Permutation, spreads_every_run_evenly) {
  const Permutation permutation(std::uint64_t{1} << 32, 42);
  constexpr int kRun = 65'536;
  for (const std::uint64_t begin : {0ULL, 1'000'000ULL, 4'000'000'000ULL}) {
    std::vector<int> top(256), low(256);
    for (std::uint64_t i = begin; i < begin + kRun; ++i) {
      ++top[permutation.at(i) >> 24];
      ++low[permutation.at(i) & 0xff];
    }
    for (const auto& buckets : {top, low}) {
      double chi = 0;
      for (const int count : buckets) chi += (count - 256.0) * (count - 256.0) / 256.0;
      EXPECT_LT(chi, 255 + 5 * 22.6);  // 255 degrees of freedom: mean 255, deviation 22.6
      EXPECT_GT(chi, 255 - 5 * 22.6);
    }
  }
}

}  // namespace
}  // namespace sonde::targets
