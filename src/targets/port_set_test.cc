#include "targets/port_set.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::targets {
namespace {

std::vector<int> ports_of(const char* text) {
  const auto set = PortSet::parse(text);
  EXPECT_TRUE(set) << set.error().text;
  return set ? std::vector<int>(set->ports().begin(), set->ports().end()) : std::vector<int>();
}

std::string error_of(const char* text) {
  const auto set = PortSet::parse(text);
  EXPECT_FALSE(set) << text;
  return set ? "" : set.error().text;
}

TEST(PortSet, ports_and_ranges_are_a_sorted_union) {
  EXPECT_EQ(ports_of("443,80,8000-8003"), (std::vector{80, 443, 8000, 8001, 8002, 8003}));
}

TEST(PortSet, overlapping_ranges_count_once) { EXPECT_EQ(ports_of("1-3,2-4,3,3"), (std::vector{1, 2, 3, 4})); }

TEST(PortSet, dash_is_every_port) {
  const auto all = PortSet::parse("-");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 65535u);
  EXPECT_EQ(all->ports().front(), 1);
  EXPECT_EQ(all->ports().back(), 65535);
}

TEST(PortSet, an_end_may_be_left_out) {
  EXPECT_EQ(ports_of("-2"), (std::vector{1, 2}));
  EXPECT_EQ(ports_of("65534-"), (std::vector{65534, 65535}));
}

TEST(PortSet, blanks_around_items_do_not_matter) { EXPECT_EQ(ports_of(" 80 , 81 - 82 "), (std::vector{80, 81, 82})); }

TEST(PortSet, errors_quote_the_item_and_say_what_would_be_right) {
  EXPECT_EQ(error_of("80,0"), "'0' is not a port: ports are 1 to 65535");
  EXPECT_EQ(error_of("65536"), "'65536' is not a port: ports are 1 to 65535");
  EXPECT_EQ(error_of("http"), "'http' is not a port: ports are 1 to 65535");
  EXPECT_EQ(error_of("90-80"), "'90-80' is not a range of ports: the lower port comes first");
  EXPECT_EQ(error_of("1-2-3"), "'1-2-3' is not a range of ports: write it as 8000-8100, within 1 to 65535");
  EXPECT_EQ(error_of("80,,81"), "an empty item in the list of ports: write for example 80,443,8000-8100");
  EXPECT_EQ(error_of("80,"), "an empty item in the list of ports: write for example 80,443,8000-8100");
  EXPECT_EQ(error_of(""), "'' names no port: write for example 80,443,8000-8100");
  EXPECT_EQ(error_of("8\n0"), "'8\\x0a0' is not a port: ports are 1 to 65535");
}

}  // namespace
}  // namespace sonde::targets
