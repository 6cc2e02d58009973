#include "targets/exclusion.h"

#include <gtest/gtest.h>

namespace sonde::targets {
namespace {

TEST(Exclusion, a_comma_list_repeats_and_adds_up) {
  Exclusion exclusion;
  ASSERT_TRUE(exclusion.add("10.0.0.0/8, host.example", "--exclude"));
  ASSERT_TRUE(exclusion.add("192.168.0.1-9", "--exclude"));
  EXPECT_TRUE(exclusion.contains(*parse_ip("10.9.9.9")));
  EXPECT_TRUE(exclusion.contains(*parse_ip("192.168.0.9")));
  EXPECT_FALSE(exclusion.contains(*parse_ip("192.168.0.10")));
  EXPECT_TRUE(exclusion.contains_name("host.example"));
  EXPECT_FALSE(exclusion.contains_name("other.example"));
}

TEST(Exclusion, mapped_ipv6_excludes_the_ipv4_address) {
  Exclusion exclusion;
  ASSERT_TRUE(exclusion.add("::ffff:10.0.0.1"));
  EXPECT_TRUE(exclusion.contains(*parse_ip("10.0.0.1")));
}

TEST(Exclusion, errors_name_the_option_and_the_item) {
  Exclusion exclusion;
  EXPECT_EQ(exclusion.add("10.0.0.1,10.0.0.0/40", "--exclude").error().text,
            "--exclude: '10.0.0.0/40' is not a prefix: the length after '/' must be 0 to 32");
}

TEST(Exclusion, its_texts_give_an_equal_exclusion) {
  Exclusion first, second;
  ASSERT_TRUE(first.add("10.0.0.1/24,10.0.1.0/24,::1,2001:db8::/64,b.example,a.example,A.example."));
  ASSERT_TRUE(second.add(first.texts()));
  EXPECT_EQ(first.texts(), second.texts());
  EXPECT_EQ(first.texts(),
            (std::vector<std::string>{"10.0.0.0-10.0.1.255", "::1", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff",
                                      "a.example", "b.example"}));
}

TEST(Exclusion, covers_another_when_it_holds_all_of_it) {
  Exclusion small, large;
  ASSERT_TRUE(small.add("10.0.0.0/24,a.example"));
  ASSERT_TRUE(large.add("10.0.0.0/16,a.example,b.example"));
  EXPECT_TRUE(large.covers(small));
  EXPECT_FALSE(small.covers(large));
  EXPECT_TRUE(small.covers(small));
  EXPECT_TRUE(small.covers({}));
}

}  // namespace
}  // namespace sonde::targets
