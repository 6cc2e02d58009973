#include "gateway/checks/target_filter.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::gateway {
namespace {

using Texts = std::vector<std::string>;

bool allows(const Texts& allow, const Texts& deny, const char* address) {
  const auto filter = TargetFilter::create(allow, deny);
  EXPECT_TRUE(filter) << filter.error().text;
  return filter->allows(*parse_ip(address));
}

TEST(TargetFilter, no_list_allows_all) {
  EXPECT_TRUE(allows({}, {}, "203.0.113.9"));
  EXPECT_TRUE(allows({}, {}, "::1"));
  EXPECT_TRUE(TargetFilter::create({}, {})->allows_all());
  EXPECT_FALSE(TargetFilter::create(Texts{"::1"}, {})->allows_all());
  EXPECT_FALSE(TargetFilter::create({}, Texts{"::1"})->allows_all());
}

TEST(TargetFilter, an_allow_list_allows_nothing_else_and_deny_wins) {
  EXPECT_TRUE(allows({"10.0.0.0/8"}, {}, "10.1.2.3"));
  EXPECT_FALSE(allows({"10.0.0.0/8"}, {}, "11.1.2.3"));
  EXPECT_FALSE(allows({"10.0.0.0/8"}, {}, "::1"));
  EXPECT_FALSE(allows({"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.1.2.3"));
  EXPECT_FALSE(allows({}, {"fe80::/10", "127.0.0.0/8"}, "fe80::1"));
}

TEST(TargetFilter, an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address) {
  EXPECT_FALSE(allows({}, {"127.0.0.0/8"}, "::ffff:127.0.0.1"));
  EXPECT_FALSE(allows({"::/0"}, {}, "::ffff:127.0.0.1"));
}

TEST(TargetFilter, the_unspecified_address_leads_to_loopback) {
  EXPECT_FALSE(allows({}, {"127.0.0.0/8"}, "0.0.0.0"));
  EXPECT_FALSE(allows({}, {"::1"}, "::"));
  EXPECT_TRUE(allows({}, {"10.0.0.0/8"}, "0.0.0.0"));
  EXPECT_FALSE(allows({"127.0.0.0/8"}, {}, "0.0.0.0"));
}

TEST(TargetFilter, names_and_ports_are_no_prefixes) {
  for (const char* item : {"localhost", "10.0.0.0/33", "10.0.0.1:80", ""}) {
    const auto filter = TargetFilter::create(Texts{item}, {});
    ASSERT_FALSE(filter) << item;
    EXPECT_NE(filter.error().text.find("allow_targets: "), std::string::npos);
    EXPECT_FALSE(TargetFilter::create({}, Texts{item}));
  }
}

}  // namespace
}  // namespace sonde::gateway
