#include "engine/name_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::engine {
namespace {

NameFacts address(std::uint32_t bits) { return {.addresses = {IpAddress::v4(bits)}}; }

TEST(NameCache, knows_a_name_until_its_time_is_over) {
  NameCache cache(10);
  cache.put("a", address(1), 0, 100);
  ASSERT_NE(cache.find("a", 99), nullptr);
  EXPECT_EQ(cache.find("a", 99)->addresses[0], IpAddress::v4(1));
  EXPECT_EQ(cache.find("a", 100), nullptr);
  EXPECT_EQ(cache.find("b", 0), nullptr);
}

TEST(NameCache, the_later_fact_replaces_the_earlier) {
  NameCache cache(10);
  cache.put("a", address(1), 0, 100);
  cache.put("a", address(2), 50, 200);
  EXPECT_EQ(cache.find("a", 150)->addresses[0], IpAddress::v4(2));
  EXPECT_EQ(cache.size(), 1U);
}

TEST(NameCache, what_holds_no_time_is_not_kept) {
  NameCache cache(10);
  cache.put("a", address(1), 100, 100);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(NameCache, full_it_lets_go_of_what_was_not_asked_for) {
  NameCache cache(100);
  for (std::uint32_t i = 0; i < 100; ++i) cache.put("n" + std::to_string(i), address(i), 0, 1000);
  for (std::uint32_t i = 0; i < 100; i += 2) ASSERT_NE(cache.find("n" + std::to_string(i), 1), nullptr);
  for (std::uint32_t i = 0; i < 50; ++i) cache.put("m" + std::to_string(i), address(i), 1, 1000);
  EXPECT_EQ(cache.size(), 100U);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(cache.find("n" + std::to_string(i), 2) != nullptr, i % 2 == 0) << i;
  for (std::uint32_t i = 0; i < 50; ++i) EXPECT_NE(cache.find("m" + std::to_string(i), 2), nullptr) << i;
}

TEST(NameCache, full_of_what_is_asked_for_it_still_takes_more) {
  NameCache cache(4);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    cache.put("n" + std::to_string(i), address(i), 0, 1000);
    EXPECT_NE(cache.find("n" + std::to_string(i), 1), nullptr);
  }
  EXPECT_EQ(cache.size(), 4U);
}

}  // namespace
}  // namespace sonde::engine
