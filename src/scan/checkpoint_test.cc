#include "scan/checkpoint.h"

#include <gtest/gtest.h>

namespace sonde::scan {
namespace {

Checkpoint sample() {
  return {.digest = 0xfedcba9876543210,
          .seed = UINT64_MAX,
          .order = "random",
          .shard = 2,
          .shards = 3,
          .probe = {"tcp", "banner"},
          .exclude = {"10.0.0.0/8", "a \"name\""},
          .excluded = {"10.0.0.0/8"},
          .cursor = 1'000'000,
          .pending = {0, 1, 17, 999'999}};
}

TEST(Checkpoint, what_is_written_is_read_back) {
  const Checkpoint before = sample();
  const Parsed<Checkpoint> after = decode(encode(before), "f");
  ASSERT_TRUE(after);
  EXPECT_EQ(encode(*after), encode(before));
  EXPECT_EQ(after->pending, before.pending);
  EXPECT_EQ(after->exclude, before.exclude);
  EXPECT_EQ(after->seed, before.seed);
}

TEST(Checkpoint, any_damage_is_noticed) {
  const std::string good = encode(sample());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 1;
    EXPECT_FALSE(decode(bad, "f")) << i;
    EXPECT_FALSE(decode(good.substr(0, i), "f")) << i;
  }
}

TEST(Checkpoint, the_error_names_the_file_and_what_would_be_right) {
  EXPECT_EQ(decode("hello\n", "x.ckpt").error().text,
            "x.ckpt: not a checkpoint of sonde; --resume takes a file that --checkpoint wrote");
}

}  // namespace
}  // namespace sonde::scan
