#include "targets/target_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "targets/target_set_builder.h"

namespace sonde::targets {
namespace {

using Texts = std::vector<std::string>;

Parsed<TargetSet> build(const Texts& texts, const char* ports, const Texts& excluded = {}) {
  TargetSetBuilder builder;
  for (const std::string& text : texts)
    if (auto added = builder.add(text); !added) return std::unexpected(added.error());
  if (*ports != '\0') builder.set_ports(*PortSet::parse(ports));
  Exclusion exclusion;
  EXPECT_TRUE(exclusion.add(excluded));
  return builder.build(exclusion);
}

std::string text_of(const Target& target) {
  std::string out =
      target.host.empty() ? to_string(target.endpoint) : target.host + ":" + std::to_string(target.endpoint.port);
  return target.blocked ? out + " blocked" : out;
}

Texts all_of(const TargetSet& set) {
  Texts out;
  Target target;
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    set.at(i, target);
    out.push_back(text_of(target));
  }
  return out;
}

Texts all_of(const Texts& texts, const char* ports, const Texts& excluded = {}) {
  const auto set = build(texts, ports, excluded);
  EXPECT_TRUE(set) << set.error().text;
  return set ? all_of(*set) : Texts();
}

std::string error_of(const Texts& texts, const char* ports, const Texts& excluded = {}) {
  const auto set = build(texts, ports, excluded);
  EXPECT_FALSE(set);
  return set ? "" : set.error().text;
}

TEST(TargetSet, runs_by_address_then_port) {
  EXPECT_EQ(
      all_of({"10.0.0.0/31", "2001:db8::1"}, "80,443"),
      (Texts{"10.0.0.0:80", "10.0.0.0:443", "10.0.0.1:80", "10.0.0.1:443", "[2001:db8::1]:80", "[2001:db8::1]:443"}));
}

TEST(TargetSet, two_forms_of_one_address_and_port_count_once) {
  EXPECT_EQ(all_of({"10.0.0.0/31", "10.0.0.1", "10.0.0.0-1", "::ffff:10.0.0.0", "10.0.0.1:80", "http://10.0.0.1/x",
                    "10.0.0.1:81", "10.0.0.0/31:81", "[::ffff:10.0.0.1]:81"},
                   "80"),
            (Texts{"10.0.0.0:80", "10.0.0.1:80", "10.0.0.0:81", "10.0.0.1:81"}));
}

TEST(TargetSet, two_forms_of_one_name_and_port_count_once) {
  EXPECT_EQ(all_of({"a.example", "A.Example.", "https://a.example/", "a.example:443", "a.example:8443", "b.example:443",
                    "https://b.example/"},
                   "80,443"),
            (Texts{"a.example:80", "a.example:443", "a.example:8443", "b.example:443"}));
}

TEST(TargetSet, a_port_of_its_own_wins_over_ports) {
  EXPECT_EQ(all_of({"10.0.0.1:99", "https://10.0.0.2/"}, "80"), (Texts{"10.0.0.1:99", "10.0.0.2:443"}));
}

TEST(TargetSet, ports_are_not_needed_when_every_target_names_one) {
  EXPECT_EQ(all_of({"10.0.0.1:99", "[::1]:7", "http://h/"}, ""), (Texts{"10.0.0.1:99", "[::1]:7", "h:80"}));
}

TEST(TargetSet, a_target_without_a_port_and_no_ports_is_an_error) {
  EXPECT_EQ(error_of({"10.0.0.1:99", "10.0.0.2"}, ""),
            "'10.0.0.2' names no port: say which with --ports, or write host:port");
}

TEST(TargetSet, a_probe_that_knows_no_ports_takes_hosts_alone) {
  const auto build = [](const Texts& texts) -> Parsed<TargetSet> {
    TargetSetBuilder builder;
    builder.set_ports(PortSet(std::array<std::uint16_t, 1>{0}));
    for (const std::string& text : texts)
      if (const Parsed<> added = builder.add(text); !added) return std::unexpected(added.error());
    return builder.build();
  };
  const Parsed<TargetSet> set = build({"10.0.0.0/30", "h.example", "10.0.0.1"});
  ASSERT_TRUE(set) << set.error().text;
  EXPECT_EQ(set->size(), 5U);
  for (const std::string port : {"10.0.0.1:80", "https://h.example/"})
    EXPECT_EQ(build({port}).error().text,
              "'" + port + "' names a port, and the probe knows none: write the host alone");
}

TEST(TargetSet, no_targets_is_an_error) { EXPECT_NE(error_of({}, "80").find("no targets"), std::string::npos); }

TEST(TargetSet, exclusion_always_wins) {
  EXPECT_EQ(all_of({"10.0.0.0/30", "10.0.0.1:81", "10.0.0.2:81", "[::1]:81"}, "80", {"10.0.0.1", "10.0.0.3", "::1"}),
            (Texts{"10.0.0.0:80", "10.0.0.2:80", "10.0.0.2:81"}));
}

TEST(TargetSet, an_excluded_name_is_blocked_not_gone) {
  EXPECT_EQ(all_of({"a.example", "b.example:81", "10.0.0.1"}, "80", {"A.example", "b.example"}),
            (Texts{"10.0.0.1:80", "a.example:80 blocked", "b.example:81 blocked"}));
}

TEST(TargetSet, nothing_left_is_an_error) {
  EXPECT_NE(error_of({"10.0.0.0/24"}, "80", {"10.0.0.0/8"}).find("nothing left"), std::string::npos);
  EXPECT_NE(error_of({"a.example", "10.0.0.1:9"}, "80", {"a.example", "10.0.0.1"}).find("nothing left"),
            std::string::npos);
}

TEST(TargetSet, reserved_addresses_leave_the_wide_target_and_not_the_meant_one) {
  EXPECT_EQ(all_of({"126.255.255.254-128.0.0.0", "127.0.0.1"}, "80"),
            (Texts{"126.255.255.254:80", "126.255.255.255:80", "127.0.0.1:80", "128.0.0.0:80"}));
}

TEST(TargetSet, the_whole_of_ipv4_is_ready_at_once) {
  const auto set = build({"0.0.0.0/0"}, "-");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->size(), std::uint64_t{3'702'258'432} * 65'535);
  Target target;
  set->at(0, target);
  EXPECT_EQ(text_of(target), "1.0.0.0:1");
  set->at(set->size() - 1, target);
  EXPECT_EQ(text_of(target), "223.255.255.255:65535");
}

TEST(TargetSet, two_to_the_62_targets_are_an_error) {
  EXPECT_NE(error_of({"2600::/3"}, "80").find("2^62"), std::string::npos);
  EXPECT_NE(error_of({"2600::/66"}, "80").find("2^62"), std::string::npos);
  EXPECT_NE(error_of({"[2600::/66]:1"}, "").find("2^62"), std::string::npos);
  EXPECT_NE(error_of({"2600::/66"}, "-").find("2^62"), std::string::npos);
  EXPECT_EQ(build({"2600::/67"}, "80")->size(), std::uint64_t{1} << 61);
}

TEST(TargetSet, a_cidr_with_host_bits_is_warned_of) {
  TargetSetBuilder builder;
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(builder.add("10.0.0.1/24", "targets.txt:3"));
  ASSERT_TRUE(builder.add("2001:db8::1/64"));
  const Texts warnings = builder.warnings();
  ASSERT_EQ(warnings.size(), TargetSetBuilder::kMaxWarnings + 1);
  EXPECT_EQ(warnings[0], "targets.txt:3: '10.0.0.1/24' has bits set behind its length: taken as 10.0.0.0/24");
  EXPECT_EQ(warnings.back(), "6 more targets like these");
}

TEST(TargetSet, its_digest_is_of_the_set_not_of_the_input) {
  const auto digest = [](const Texts& texts, const char* ports, const Texts& excluded = {}) {
    return build(texts, ports, excluded)->digest();
  };
  const auto want = digest({"10.0.0.0/24", "a.example", "10.0.0.9:81", "10.0.1.1:80"}, "80,82");
  EXPECT_EQ(digest({"10.0.1.1:80", "A.example", "10.0.0.128/25", "10.0.0.9:81", "10.0.0.0-10.0.0.200", "10.0.0.7:80",
                    "http://a.example/"},
                   "82,80,80"),
            want);
  EXPECT_EQ(digest({"10.0.0.0/24", "a.example", "10.0.0.9:81", "10.0.1.1:80"}, "80,82", {"10.0.0.0/25", "a.example"}),
            want);
  EXPECT_NE(digest({"10.0.0.0/24", "a.example", "10.0.0.9:81", "10.0.1.1:80"}, "80,83"), want);
  EXPECT_NE(digest({"10.0.0.0/24", "b.example", "10.0.0.9:81", "10.0.1.1:80"}, "80,82"), want);
  EXPECT_NE(digest({"10.0.0.0/24", "a.example", "10.0.0.9:83", "10.0.1.1:80"}, "80,82"), want);
  EXPECT_NE(digest({"0.0.0.0/0"}, "80"), digest({"0.0.0.0/0", "127.0.0.0/8"}, "80")) << "these probe different things";
}

TEST(TargetSet, its_order_does_not_depend_on_the_order_of_input) {
  Texts texts = {"10.0.0.0/29",     "10.0.0.4-12", "b.example",     "a.example:7",
                 "[2001:db8::1]:7", "10.0.0.2:7",  "2001:db8::/125"};
  const Texts want = all_of(texts, "80,81");
  std::mt19937 random(3);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(texts.begin(), texts.end(), random);
    EXPECT_EQ(all_of(texts, "80,81"), want);
  }
}

// The truth of small random inputs, one (address, port) at a time.
TEST(TargetSet, enumerates_exactly_the_union_less_the_exclusions) {
  std::mt19937 random(5);
  const auto roll = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 400; ++round) {
    std::set<std::uint16_t> ports;
    std::string port_text;
    for (unsigned i = 1 + roll(5); i > 0; --i) {
      const auto port = static_cast<std::uint16_t>(1 + roll(8));
      ports.insert(port);
      port_text += (port_text.empty() ? "" : ",") + std::to_string(port);
    }
    std::set<std::string> truth;
    Texts texts, excluded;
    std::set<std::string> excluded_addresses;
    for (unsigned i = roll(4); i > 0; --i) {
      excluded.push_back("9.9.9." + std::to_string(roll(64)));
      excluded_addresses.insert(excluded.back());
    }
    for (unsigned i = 1 + roll(10); i > 0; --i) {
      const unsigned first = roll(60), last = first + roll(4), own = roll(2) == 0 ? 0 : 1 + roll(10);
      const bool v6 = roll(3) == 0;
      const std::string prefix = v6 ? "2a00::" : "9.9.9.";
      const auto low = v6 ? to_string(IpAddress::v6((U128{0x2a00} << 112) + first)) : prefix + std::to_string(first);
      const auto high = v6 ? to_string(IpAddress::v6((U128{0x2a00} << 112) + last)) : prefix + std::to_string(last);
      std::string text = low + "-" + high;
      if (own != 0) text = v6 ? "[" + text + "]:" + std::to_string(own) : text + ":" + std::to_string(own);
      texts.push_back(text);
      for (unsigned value = first; value <= last; ++value) {
        const IpAddress ip = v6 ? IpAddress::v6((U128{0x2a00} << 112) + value) : IpAddress::v4(0x09090900 + value);
        if (excluded_addresses.contains(to_string(ip))) continue;
        if (own != 0)
          truth.insert(to_string(Endpoint{ip, static_cast<std::uint16_t>(own)}));
        else
          for (const std::uint16_t port : ports) truth.insert(to_string(Endpoint{ip, port}));
      }
    }
    const auto set = build(texts, port_text.c_str(), excluded);
    if (truth.empty()) {
      ASSERT_FALSE(set);
      continue;
    }
    ASSERT_TRUE(set) << set.error().text;
    const Texts got = all_of(*set);
    ASSERT_EQ(std::set<std::string>(got.begin(), got.end()), truth);
    ASSERT_EQ(got.size(), truth.size());
  }
}

TEST(TargetSet, many_scattered_ranges_are_found_by_number) {
  std::mt19937 random(9);
  TargetSetBuilder builder;
  std::set<std::uint32_t> truth;
  for (int i = 0; i < 50'000; ++i) {
    // Crowded at one end, thin at the other, so that buckets hold many ranges and none.
    const std::uint32_t address = 0x14000000 + (random() >> (random() % 24 + 4));
    truth.insert(address);
    ASSERT_TRUE(builder.add(to_string(IpAddress::v4(address))));
  }
  builder.set_ports(*PortSet::parse("1-7"));
  const auto set = builder.build();
  ASSERT_TRUE(set);
  ASSERT_EQ(set->size(), truth.size() * 7);
  std::uint64_t index = 0;
  Target target;
  for (const std::uint32_t address : truth)
    for (std::uint16_t port = 1; port <= 7; ++port, ++index) {
      set->at(index, target);
      ASSERT_EQ(target.endpoint, (Endpoint{IpAddress::v4(address), port}));
    }
}

}  // namespace
}  // namespace sonde::targets
