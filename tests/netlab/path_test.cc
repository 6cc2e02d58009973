#include "netlab/path.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::netlab {
namespace {

struct Arrival {
  Nanos at = 0;
  std::size_t number = 0;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

// A packet of `bytes` (at least 8) that carries its number.
std::vector<std::byte> packet(std::size_t number, std::size_t bytes = 100) {
  std::vector<std::byte> made(bytes);
  for (std::size_t i = 0; i < 8; ++i) made[i] = static_cast<std::byte>(number >> (8 * i));
  return made;
}

std::size_t number_of(std::span<const std::byte> bytes) {
  std::size_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number |= static_cast<std::size_t>(bytes[i]) << (8 * i);
  return number;
}

// Everything that is on the way, each at the time at which it is due.
std::vector<Arrival> arrivals(Path& path) {
  std::vector<Arrival> seen;
  while (path.next_due() != kNever) {
    const Nanos now = path.next_due();
    path.deliver(now, [&](Nanos due, std::span<const std::byte> bytes) {
      EXPECT_EQ(due, now);
      seen.push_back({due, number_of(bytes)});
    });
  }
  return seen;
}

TEST(Path, delays_each_packet_by_exactly_the_delay) {
  Path path({.delay = 10 * kMillisecond});
  path.offer(5, packet(0));
  path.offer(7, packet(1));
  int early = 0;
  path.deliver(5 + 10 * kMillisecond - 1, [&](Nanos, auto) { ++early; });
  EXPECT_EQ(early, 0);
  EXPECT_EQ(arrivals(path), (std::vector<Arrival>{{5 + 10 * kMillisecond, 0}, {7 + 10 * kMillisecond, 1}}));
}

TEST(Path, jitter_stays_within_its_bounds_and_keeps_the_order) {
  constexpr Nanos kDelay = 10 * kMillisecond;
  constexpr Nanos kJitter = 2 * kMillisecond;
  Path path({.delay = kDelay, .jitter = kJitter});
  constexpr std::size_t kPackets = 1000;
  for (std::size_t i = 0; i < kPackets; ++i) path.offer(static_cast<Nanos>(i) * kMillisecond, packet(i));
  const auto seen = arrivals(path);
  ASSERT_EQ(seen.size(), kPackets);
  Nanos least = kDelay;
  Nanos most = 0;
  for (std::size_t i = 0; i < kPackets; ++i) {
    EXPECT_EQ(seen[i].number, i);
    const Nanos took = seen[i].at - static_cast<Nanos>(i) * kMillisecond;
    least = std::min(least, took);
    most = std::max(most, took);
  }
  EXPECT_GE(least, kDelay - kJitter);
  EXPECT_LE(most, kDelay + kJitter);
  EXPECT_LT(least, kDelay - kJitter / 2) << "all of the span is used";
  EXPECT_GT(most, kDelay + kJitter / 2);
}

TEST(Path, reorders_only_when_asked) {
  Path path({.delay = 10 * kMillisecond, .jitter = 5 * kMillisecond, .reorder = true});
  for (std::size_t i = 0; i < 100; ++i) path.offer(static_cast<Nanos>(i) * kMillisecond, packet(i));
  const auto seen = arrivals(path);
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, {}, &Arrival::at));
  EXPECT_FALSE(std::ranges::is_sorted(seen, {}, &Arrival::number));
}

TEST(Path, loses_what_seed_and_index_say) {
  constexpr std::size_t kPackets = 10'000;
  for (const std::uint64_t seed : {1U, 2U}) {
    Path path({.loss = 0.1, .seed = seed});
    std::vector<Arrival> expected;
    for (std::size_t i = 0; i < kPackets; ++i) {
      path.offer(static_cast<Nanos>(i), packet(i));
      if (!is_lost(seed, i, 0.1)) expected.push_back({static_cast<Nanos>(i), i});
    }
    EXPECT_EQ(arrivals(path), expected);
    EXPECT_EQ(path.counts().lost + path.counts().delivered, kPackets);
    EXPECT_NEAR(static_cast<double>(path.counts().lost), 1000, 150) << "five standard deviations";
  }
}

TEST(Path, loses_nothing_at_0_and_everything_at_1) {
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(is_lost(i, i, 0));
    EXPECT_TRUE(is_lost(i, i, 1));
  }
}

TEST(Path, sends_one_after_the_other_at_the_rate) {
  Path path({.delay = kMillisecond, .rate_bps = 100'000});  // 100 bytes: 1 ms
  for (std::size_t i = 0; i < 3; ++i) path.offer(0, packet(i));
  path.offer(10 * kMillisecond, packet(3));  // the transmitter rested
  EXPECT_EQ(arrivals(path),
            (std::vector<Arrival>{
                {2 * kMillisecond, 0}, {3 * kMillisecond, 1}, {4 * kMillisecond, 2}, {12 * kMillisecond, 3}}));
}

TEST(Path, drops_what_finds_the_queue_full_and_counts_it) {
  Path path({.rate_bps = 100'000, .queue_packets = 2});
  for (std::size_t i = 0; i < 5; ++i) path.offer(0, packet(i));
  EXPECT_EQ(path.counts().queue_dropped, 3U);
  path.offer(kMillisecond, packet(5));  // the first has left
  EXPECT_EQ(path.counts().queue_dropped, 3U);
  EXPECT_EQ(arrivals(path), (std::vector<Arrival>{{kMillisecond, 0}, {2 * kMillisecond, 1}, {3 * kMillisecond, 5}}));
}

TEST(Path, bounds_what_is_on_the_way) {
  Path path({.delay = kSecond});
  for (std::size_t i = 0; i < Path::kInFlightPackets + 5; ++i) path.offer(0, packet(i, 8));
  EXPECT_EQ(path.counts().in_flight_dropped, 5U);
  EXPECT_EQ(path.in_flight(), Path::kInFlightPackets);
}

}  // namespace
}  // namespace sonde::netlab
