#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace sonde {
namespace {

TEST(IpAddress, text_of_a_parsed_address_is_canonical) {
  for (const char* text :
       {"0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.30.40", "::1", "2001:db8::1", "fe80::1:0:0:1"})
    EXPECT_EQ(to_string(*parse_ip(text)), text);
  EXPECT_EQ(to_string(*parse_ip("2001:DB8:0:0:0:0:0:1")), "2001:db8::1");
}

TEST(IpAddress, mapped_ipv6_is_the_ipv4_address) {
  EXPECT_EQ(*parse_ip("::ffff:10.0.0.1"), *parse_ip("10.0.0.1"));
  EXPECT_TRUE(parse_ip("::ffff:10.0.0.1")->is_v4());
  EXPECT_EQ(to_string(*parse_ip("::ffff:a00:1")), "10.0.0.1");
}

TEST(IpAddress, what_is_not_an_address_is_refused) {
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", ".1.2.3", "1.2.3.4 ", "1..2.3", "::g",
        ":::", "1:2:3:4:5:6:7:8:9", "[::1]", "fe80::1%eth0", "+1.2.3.4", "1.2.3.0004"})
    EXPECT_FALSE(parse_ip(text)) << text;
}

TEST(IpAddress, order_is_numeric_and_prefix_keys_follow_24_and_48) {
  EXPECT_LT(IpAddress::v4(1), IpAddress::v4(0x80000000));
  EXPECT_EQ(parse_ip("10.0.0.1")->prefix_key(), parse_ip("10.0.0.255")->prefix_key());
  EXPECT_NE(parse_ip("10.0.0.1")->prefix_key(), parse_ip("10.0.1.1")->prefix_key());
  EXPECT_EQ(parse_ip("2001:db8:1::1")->prefix_key(), parse_ip("2001:db8:1:ffff::1")->prefix_key());
  EXPECT_NE(parse_ip("2001:db8:1::1")->prefix_key(), parse_ip("2001:db8:2::1")->prefix_key());
}

TEST(Endpoint, text_puts_ipv6_in_brackets) {
  EXPECT_EQ(to_string(Endpoint{*parse_ip("::1"), 443}), "[::1]:443");
  EXPECT_EQ(to_string(Endpoint{*parse_ip("127.0.0.1"), 65535}), "127.0.0.1:65535");
}

}  // namespace
}  // namespace sonde
