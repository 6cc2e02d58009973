#include "engine/dns_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/dns_builder.h"

namespace sonde::engine {
namespace {

using Kind = DnsAnswer::Kind;
using wire::DnsBuilder;
namespace dns_type = wire::dns_type;

DnsBuilder about(std::string_view name, std::uint16_t flags = 0x8180, std::uint16_t type = dns_type::kA) {
  DnsBuilder builder(flags);
  builder.question(name, type);
  return builder;
}
DnsAnswer read(const DnsBuilder& message, std::string_view name = "a.example", std::uint16_t type = dns_type::kA) {
  return read_dns_answer(message.bytes(), wire::DnsName::from_text(name).value(), type);
}

TEST(DnsAnswer, addresses_hold_as_long_as_the_least_of_their_ttls) {
  const DnsAnswer answer = read(about("a.example").address("a.example", 300, 1).address("A.EXAMPLE", 60, 2));
  ASSERT_EQ(answer.kind, Kind::kAddresses);
  ASSERT_EQ(answer.count, 2U);
  EXPECT_EQ(answer.addresses[0], IpAddress::v4(1));
  EXPECT_EQ(answer.addresses[1], IpAddress::v4(2));
  EXPECT_EQ(answer.ttl_s, 60U);
  EXPECT_EQ(read(about("a.example").address("a.example", 0x7fffffff, 1)).ttl_s, kLongestTtl);
}

TEST(DnsAnswer, what_is_of_another_name_type_or_section_is_passed_over) {
  DnsBuilder message = about("a.example");
  message.address("b.example", 1, 1)
      .answer("a.example", dns_type::kAaaa, 1, wire::dns_number(1, 16))
      .answer("a.example", dns_type::kA, 1, wire::dns_number(1, 3))
      .record(wire::DnsSection::kAdditional, wire::dns_pointer(12), dns_type::kA, 1, wire::dns_number(1, 4));
  EXPECT_EQ(read(message).kind, Kind::kNoData);
}

TEST(DnsAnswer, no_more_addresses_than_fit) {
  DnsBuilder message = about("a.example");
  for (std::uint32_t i = 1; i <= 20; ++i) message.address("a.example", 60, i);
  EXPECT_EQ(read(message).count, kMostAddresses);
}

TEST(DnsAnswer, the_unspecified_address_is_none) {
  const DnsBuilder message =
      about("a.example", 0x8180, dns_type::kAaaa).answer("a.example", dns_type::kAaaa, 60, wire::dns_number(0, 16));
  EXPECT_EQ(read(message, "a.example", dns_type::kAaaa).kind, Kind::kNoData);
}

TEST(DnsAnswer, aliases_are_followed_in_any_order) {
  const DnsAnswer in_order = read(about("a.example")
                                      .alias("a.example", 100, "b.example")
                                      .alias("b.example", 50, "c.example")
                                      .address("c.example", 200, 7));
  const DnsAnswer reversed = read(about("a.example")
                                      .address("c.example", 200, 7)
                                      .alias("b.example", 50, "c.example")
                                      .alias("a.example", 100, "b.example"));
  for (const DnsAnswer& answer : {in_order, reversed}) {
    EXPECT_EQ(answer.kind, Kind::kAddresses);
    EXPECT_EQ(answer.addresses[0], IpAddress::v4(7));
    EXPECT_EQ(answer.ttl_s, 50U) << "the alias is forgotten first";
  }
}

TEST(DnsAnswer, a_chain_that_was_cut_off_tells_where_to_go_on) {
  const DnsAnswer answer = read(about("a.example").alias("a.example", 100, "b.example"));
  EXPECT_EQ(answer.kind, Kind::kAlias);
  EXPECT_EQ(answer.alias.text(), "b.example.");
  EXPECT_EQ(answer.aliases, 1);
  const DnsAnswer ended = read(about("a.example").alias("a.example", 100, "b.example").soa("example", 60, 60));
  EXPECT_EQ(ended.kind, Kind::kNoData) << "the SOA says that there is nothing";
  const DnsAnswer nowhere = read(about("a.example", 0x8183).alias("a.example", 100, "b.example"));
  EXPECT_EQ(nowhere.kind, Kind::kNoName) << "of the last name";
}

TEST(DnsAnswer, chains_have_a_bound_and_loops_end) {
  for (const int length : {kMostAliases, kMostAliases + 1}) {
    DnsBuilder message = about("n0.example");
    for (int i = 0; i < length; ++i)
      message.alias("n" + std::to_string(i) + ".example", 60, "n" + std::to_string(i + 1) + ".example");
    message.address("n" + std::to_string(length) + ".example", 60, 1);
    EXPECT_EQ(read(message, "n0.example").kind, length == kMostAliases ? Kind::kAddresses : Kind::kUnusable);
  }
  EXPECT_EQ(read(about("a.example").alias("a.example", 1, "b.example").alias("b.example", 1, "a.example")).kind,
            Kind::kUnusable);
}

TEST(DnsAnswer, negative_answers_hold_by_their_soa) {
  EXPECT_EQ(read(about("a.example", 0x8183).soa("example", 600, 120)).ttl_s, 120U) << "the minimum";
  EXPECT_EQ(read(about("a.example", 0x8183).soa("example", 60, 120)).ttl_s, 60U) << "the record's own TTL";
  EXPECT_EQ(read(about("a.example", 0x8183).soa("example", 86400, 86400)).ttl_s, kLongestNegativeTtl);
  EXPECT_EQ(read(about("a.example", 0x8183)).ttl_s, kNegativeTtlWithoutSoa);
  EXPECT_EQ(read(about("a.example").soa("example", 600, 120)).kind, Kind::kNoData);
}

TEST(DnsAnswer, what_does_not_tell) {
  EXPECT_EQ(read(about("a.example", 0x8182)).kind, Kind::kServFail);
  EXPECT_EQ(read(about("a.example", 0x8185)).kind, Kind::kRefused);
  EXPECT_EQ(read(about("a.example", 0x8181)).kind, Kind::kUnusable);
  EXPECT_EQ(read(about("a.example", 0x0100)).kind, Kind::kUnusable) << "a query";
  EXPECT_EQ(read(about("b.example").address("b.example", 60, 1)).kind, Kind::kUnusable) << "another question";
  EXPECT_EQ(read(about("a.example", 0x8180, dns_type::kAaaa)).kind, Kind::kUnusable);
  EXPECT_EQ(read(about("a.example").miscount(6, 1)).kind, Kind::kUnusable) << "broken";
  EXPECT_EQ(read(about("a.example").address("a.example", 60, 1).miscount(6, 1)).kind, Kind::kAddresses)
      << "broken behind what was wanted";
  EXPECT_EQ(read_dns_answer({}, wire::DnsName(), dns_type::kA).kind, Kind::kUnusable);
}

}  // namespace
}  // namespace sonde::engine
