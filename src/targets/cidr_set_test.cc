#include "targets/cidr_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "targets/reserved.h"
#include "targets/target_expression.h"

namespace sonde::targets {
namespace {

AddressRange range_of(const std::string& text) {
  const auto parsed = parse_target(text);
  SONDE_CHECK(parsed, "test input");
  return parsed->range;
}

AddressSet set_of(std::initializer_list<const char*> texts) {
  AddressSet set;
  for (const char* text : texts) set.add(range_of(text));
  set.normalize();
  return set;
}

TEST(RangeSet, overlapping_and_adjacent_ranges_merge) {
  RangeSet<std::uint32_t> set;
  set.add(10, 20);
  set.add(5, 9);
  set.add(15, 30);
  set.add(40, 40);
  set.normalize();
  EXPECT_EQ(set.ranges().size(), 2u);
  EXPECT_EQ(set.ranges()[0], (Range<std::uint32_t>{5, 30}));
  EXPECT_EQ(set.ranges()[1], (Range<std::uint32_t>{40, 40}));
}

TEST(RangeSet, the_ends_of_the_space_do_not_wrap) {
  RangeSet<std::uint32_t> set;
  set.add(UINT32_MAX, UINT32_MAX);
  set.add(0, 0);
  set.normalize();
  EXPECT_EQ(set.ranges().size(), 2u);
  EXPECT_FALSE(set.contains(1));
  set.add(0, UINT32_MAX);
  set.normalize();
  EXPECT_EQ(set.count_up_to(std::uint64_t{1} << 62), std::uint64_t{1} << 32);
  RangeSet<U128> all;
  all.add(0, ~U128{0});
  EXPECT_EQ(all.count_up_to(std::uint64_t{1} << 62), std::uint64_t{1} << 62);
}

TEST(RangeSet, union_and_difference_equal_brute_force) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    RangeSet<std::uint32_t> a, b;
    std::set<std::uint32_t> in_a, in_b;
    const auto fill = [&](RangeSet<std::uint32_t>& set, std::set<std::uint32_t>& truth) {
      for (int i = random() % 12; i > 0; --i) {
        const std::uint32_t first = random() % 100, last = first + random() % 12;
        set.add(first, last);
        for (std::uint32_t value = first; value <= last; ++value) truth.insert(value);
      }
      set.normalize();
    };
    fill(a, in_a);
    fill(b, in_b);
    for (std::uint32_t value = 0; value < 120; ++value) ASSERT_EQ(a.contains(value), in_a.contains(value));
    ASSERT_EQ(a.count_up_to(1000), in_a.size());
    a.subtract(b);
    for (std::uint32_t value = 0; value < 120; ++value)
      ASSERT_EQ(a.contains(value), in_a.contains(value) && !in_b.contains(value));
  }
}

TEST(AddressSet, mapped_ipv6_is_the_ipv4_address) {
  const AddressSet set = set_of({"::ffff:10.0.0.0/104"});
  EXPECT_TRUE(set.contains(*parse_ip("10.1.2.3")));
  EXPECT_FALSE(set.contains(*parse_ip("11.0.0.0")));
}

TEST(AddressSet, all_of_ipv6_does_not_speak_of_ipv4) {
  const AddressSet set = set_of({"::/0"});
  EXPECT_FALSE(set.contains(*parse_ip("10.1.2.3")));
  EXPECT_TRUE(set.contains(*parse_ip("::1")));
  EXPECT_TRUE(set.contains(*parse_ip("::1:0:0:0")));
  EXPECT_TRUE(set.contains(*parse_ip("ffff::")));
}

std::vector<std::string> left_of(const std::string& text) {
  std::vector<std::string> out;
  for_each_unreserved(range_of(text), [&](const AddressRange& piece) {
    out.push_back(to_string(piece.first) + "-" + to_string(piece.last));
    return true;
  });
  return out;
}

TEST(Reserved, is_cut_out_of_a_wider_target) {
  EXPECT_EQ(left_of("10.0.0.0/7"), std::vector<std::string>{"11.0.0.0-11.255.255.255"});
  EXPECT_EQ(left_of("9.255.255.255-11.0.0.0"),
            (std::vector<std::string>{"9.255.255.255-9.255.255.255", "11.0.0.0-11.0.0.0"}));
  EXPECT_EQ(left_of("223.255.255.0-255.255.255.255"), std::vector<std::string>{"223.255.255.0-223.255.255.255"});
  EXPECT_EQ(left_of("fe00::/8"), (std::vector<std::string>{"fe00::-fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                                           "fec0::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}));
}

TEST(Reserved, a_target_inside_of_it_is_meant) {
  EXPECT_EQ(left_of("127.0.0.0/16").front(), "127.0.0.0-127.0.255.255");
  EXPECT_EQ(left_of("10.0.0.0/8").front(), "10.0.0.0-10.255.255.255");
  EXPECT_EQ(left_of("255.255.255.255").front(), "255.255.255.255-255.255.255.255");
  EXPECT_EQ(left_of("::1").front(), "::1-::1");
}

TEST(Reserved, leaves_of_ipv4_what_zmap_leaves) {
  RangeSet<std::uint32_t> all;
  all.add(0, UINT32_MAX);
  all.subtract(reserved_addresses().v4);
  EXPECT_EQ(all.count_up_to(std::uint64_t{1} << 40), 3'702'258'432u);
}

}  // namespace
}  // namespace sonde::targets
