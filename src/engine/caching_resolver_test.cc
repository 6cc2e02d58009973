#include "engine/caching_resolver.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/fake_dns.h"
#include "io/sim_backend.h"

namespace sonde::engine {
namespace {

using results::Outcome;
namespace dns_type = wire::dns_type;

constexpr Nanos kTimeout = 3 * kSecond;

struct Told {
  IpAddress address;
  std::vector<IpAddress> addresses;
  Outcome outcome;
  std::string error;
  Nanos at;
};

// A resolver over fake servers, in virtual time.
struct Bed {
  explicit Bed(FakeDns::Answers answers, std::uint32_t servers = 1, CachingOptions options = {},
               std::string_view hosts = {})
      : population(*population::parse_mix("open"), 1), clock(population, {}) {
    options.timeout = kTimeout;
    auto transport = std::make_unique<FakeDns>(clock, kTimeout, servers, std::move(answers));
    dns = transport.get();
    resolver = std::make_unique<CachingResolver>(options, HostTable(hosts), std::move(transport), clock);
  }
  std::uint32_t ask(std::string_view host) {
    resolver->resolve({.index = ++last, .generation = 1}, host);
    return last;
  }
  void pass(Nanos duration) {
    const Nanos end = clock.now() + duration;
    for (bool over = false; !over;) {
      const Nanos next = resolver->next_time(clock.now());
      over = next > end;
      (void)clock.wait(std::min(next, end));
      resolver->on_time();
      for (const Resolved& resolved : resolver->take_answers()) {
        EXPECT_FALSE(told.contains(resolved.id.index)) << "told twice";
        told[resolved.id.index] = {.address = resolved.address,
                                   .addresses = {resolved.addresses.begin(), resolved.addresses.end()},
                                   .outcome = resolved.outcome,
                                   .error = resolved.error,
                                   .at = clock.now()};
      }
    }
  }
  // Asks, and lets the time of one name pass.
  Told answer(std::string_view host) {
    const std::uint32_t id = ask(host);
    pass(kTimeout + 10 * kMillisecond);
    return told.at(id);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const FakeDns::Asked& asked : dns->asked)
      all.push_back(asked.name + (asked.type == dns_type::kA ? " A" : " AAAA"));
    return all;
  }

  population::Population population;
  io::SimBackend clock;
  FakeDns* dns = nullptr;
  std::unique_ptr<CachingResolver> resolver;
  std::uint32_t last = 0;
  std::map<std::uint32_t, Told> told;
};

using Names = std::vector<std::string>;
using Addresses = std::vector<IpAddress>;

std::optional<wire::DnsBytes> v4_only(const FakeDns::Asked& asked) {
  if (asked.type != dns_type::kA) return said(asked).soa("example", 60, 60).bytes();
  return said(asked).address(asked.name, 60, 0x01020304).bytes();
}
std::optional<wire::DnsBytes> v6_only(const FakeDns::Asked& asked) {
  if (asked.type == dns_type::kA) return said(asked).bytes();
  return said(asked).answer(asked.name, dns_type::kAaaa, 60, wire::dns_number(1, 16)).bytes();
}
std::optional<wire::DnsBytes> both(const FakeDns::Asked& asked) {
  return asked.type == dns_type::kA ? v4_only(asked) : v6_only(asked);
}
std::optional<wire::DnsBytes> silence(const FakeDns::Asked& asked) {
  (void)asked;
  return std::nullopt;
}
FakeDns::Answers rcode(std::uint16_t code) {
  return [code](const FakeDns::Asked& asked) { return said(asked, code).bytes(); };
}

TEST(CachingResolver, addresses_in_their_order) {
  Bed bed([](const FakeDns::Asked& asked) {
    wire::DnsBuilder message = said(asked);
    for (std::uint32_t i = 1; i <= 20; ++i) message.address(asked.name, 60, i);
    return std::optional(message.bytes());
  });
  const Told told = bed.answer("Host.Example");
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_EQ(told.address, IpAddress::v4(1));
  ASSERT_EQ(told.addresses.size(), kMostAddresses);
  for (std::uint32_t i = 0; i < kMostAddresses; ++i) EXPECT_EQ(told.addresses[i], IpAddress::v4(i + 1));
  EXPECT_EQ(bed.names(), Names{"host.example. A"});
}

TEST(CachingResolver, the_other_family_is_asked_for_only_where_it_is_wanted_and_needed) {
  const IpAddress v4 = IpAddress::v4(0x01020304);
  const IpAddress v6 = IpAddress::v6(1);
  struct Row {
    IpVersion version;
    FakeDns::Answers answers;
    IpAddress address;  // unspecified: none
    Names asked;
  };
  const std::vector<Row> rows = {
      {IpVersion::kPrefer4, both, v4, {"a.example. A"}},
      {IpVersion::kPrefer4, v6_only, v6, {"a.example. A", "a.example. AAAA"}},
      {IpVersion::kPrefer6, both, v6, {"a.example. AAAA"}},
      {IpVersion::kPrefer6, v4_only, v4, {"a.example. AAAA", "a.example. A"}},
      {IpVersion::k4, both, v4, {"a.example. A"}},
      {IpVersion::k4, v6_only, {}, {"a.example. A"}},
      {IpVersion::k6, both, v6, {"a.example. AAAA"}},
      {IpVersion::k6, v4_only, {}, {"a.example. AAAA"}},
  };
  for (const Row& row : rows) {
    Bed bed(row.answers, 1, {.ip_version = row.version});
    const Told told = bed.answer("a.example");
    EXPECT_EQ(told.address, row.address);
    EXPECT_EQ(bed.names(), row.asked);
    EXPECT_EQ(told.error, row.address.is_unspecified() ? "the name has no address" : "");
  }
}

TEST(CachingResolver, a_name_that_does_not_exist_is_asked_for_once) {
  Bed bed(rcode(3));
  const Told told = bed.answer("gone.example");
  EXPECT_EQ(told.outcome, Outcome::kDnsError);
  EXPECT_EQ(told.error, "no such name");
  EXPECT_EQ(bed.names(), Names{"gone.example. A"}) << "it has no AAAA either";
}

TEST(CachingResolver, what_is_known_is_not_asked_for_until_its_time_is_over) {
  Bed bed(v4_only);
  bed.answer("a.example");
  bed.pass(50 * kSecond);
  EXPECT_EQ(bed.answer("A.example.").addresses.size(), 1U) << "letters of either case, and the last dot";
  EXPECT_EQ(bed.dns->asked.size(), 1U);
  bed.pass(10 * kSecond);
  bed.answer("a.example");
  EXPECT_EQ(bed.dns->asked.size(), 2U);
}

TEST(CachingResolver, a_ttl_of_zero_is_not_kept) {
  Bed bed([](const FakeDns::Asked& asked) { return said(asked).address(asked.name, 0, 1).bytes(); });
  bed.answer("a.example");
  bed.answer("a.example");
  EXPECT_EQ(bed.dns->asked.size(), 2U);
}

TEST(CachingResolver, that_there_is_nothing_is_kept_as_long_as_the_soa_says) {
  Bed bed([](const FakeDns::Asked& asked) { return said(asked, 3).soa("example", 600, 100).bytes(); });
  bed.answer("gone.example");
  bed.pass(90 * kSecond);
  EXPECT_EQ(bed.answer("gone.example").error, "no such name");
  EXPECT_EQ(bed.dns->asked.size(), 1U);
  bed.pass(20 * kSecond);
  bed.answer("gone.example");
  EXPECT_EQ(bed.dns->asked.size(), 2U);
}

TEST(CachingResolver, a_failure_is_kept_for_a_second_and_silence_not_at_all) {
  Bed failing(rcode(2));
  const std::uint32_t first = failing.ask("a.example");
  failing.pass(500 * kMillisecond);
  EXPECT_EQ(failing.told.at(first).error, "the resolver failed (SERVFAIL)");
  failing.ask("a.example");
  EXPECT_EQ(failing.dns->asked.size(), 1U);
  failing.pass(600 * kMillisecond);
  failing.ask("a.example");
  EXPECT_EQ(failing.dns->asked.size(), 2U);

  Bed silent(silence);
  EXPECT_EQ(silent.answer("a.example").outcome, Outcome::kTimeout);
  const std::size_t asked = silent.dns->asked.size();
  silent.ask("a.example");
  EXPECT_EQ(silent.dns->asked.size(), asked + 1);
}

TEST(CachingResolver, all_who_wait_for_a_name_share_its_question) {
  Bed bed(v4_only);
  for (int i = 0; i < 100; ++i) bed.ask(i % 2 == 0 ? "a.example" : "A.EXAMPLE");
  bed.pass(kSecond);
  EXPECT_EQ(bed.dns->asked.size(), 1U);
  ASSERT_EQ(bed.told.size(), 100U);
  for (const auto& [id, told] : bed.told) EXPECT_EQ(told.address, IpAddress::v4(0x01020304));
}

TEST(CachingResolver, silence_costs_the_timeout_and_no_more) {
  Bed bed(silence);
  const Nanos begin = bed.clock.now();
  const Told told = bed.answer("slow.example");
  EXPECT_EQ(told.outcome, Outcome::kTimeout);
  EXPECT_EQ(told.error, "no answer from the resolver");
  EXPECT_GE(told.at - begin, kTimeout);
  EXPECT_LE(told.at - begin, kTimeout + 2 * kMillisecond);
  EXPECT_EQ(bed.dns->asked.size(), 2U) << "once more after a third";
}

TEST(CachingResolver, one_who_comes_late_gets_time_of_its_own) {
  Bed bed(silence);
  const Nanos begin = bed.clock.now();
  const std::uint32_t first = bed.ask("slow.example");
  bed.pass(2 * kSecond);
  const std::uint32_t second = bed.ask("slow.example");
  bed.pass(5 * kSecond);
  EXPECT_NEAR(static_cast<double>(bed.told.at(first).at - begin), kTimeout, 2 * kMillisecond);
  EXPECT_NEAR(static_cast<double>(bed.told.at(second).at - begin), 2 * kSecond + kTimeout, 2 * kMillisecond);
  EXPECT_EQ(bed.dns->asked[2].at - begin, bed.told.at(first).at - begin) << "asked anew";
}

TEST(CachingResolver, the_answer_to_the_first_question_counts_still_behind_the_second) {
  Bed bed(v4_only);
  bed.dns->delay = 1500 * kMillisecond;
  const Nanos begin = bed.clock.now();
  const Told told = bed.answer("a.example");
  EXPECT_EQ(bed.dns->asked.size(), 2U);
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_NEAR(static_cast<double>(told.at - begin), 1500 * kMillisecond, 2 * kMillisecond);
}

TEST(CachingResolver, a_chain_that_was_cut_off_is_asked_on) {
  Bed bed([](const FakeDns::Asked& asked) {
    if (asked.name == "a.example.") return said(asked).alias("a.example", 10, "b.example").bytes();
    return said(asked).address(asked.name, 60, 9).bytes();
  });
  EXPECT_EQ(bed.answer("a.example").address, IpAddress::v4(9));
  EXPECT_EQ(bed.names(), (Names{"a.example. A", "b.example. A"}));
  bed.pass(8 * kSecond);
  bed.answer("a.example");
  EXPECT_EQ(bed.dns->asked.size(), 4U) << "kept as long as the alias";
}

TEST(CachingResolver, a_chain_without_end_ends) {
  Bed bed([](const FakeDns::Asked& asked) { return said(asked).alias(asked.name, 10, "x" + asked.name).bytes(); });
  EXPECT_EQ(bed.answer("a.example").error, "the resolver's answer could not be used");
  EXPECT_EQ(bed.dns->asked.size(), static_cast<std::size_t>(kMostAliases) + 1);
}

TEST(CachingResolver, an_alias_without_ipv4_leads_to_ipv6_from_the_name_itself) {
  Bed bed([](const FakeDns::Asked& asked) {
    if (asked.name == "a.example.") return said(asked).alias("a.example", 10, "b.example").bytes();
    return *v6_only(asked);
  });
  EXPECT_EQ(bed.answer("a.example").address, IpAddress::v6(1));
  EXPECT_EQ(bed.names(), (Names{"a.example. A", "b.example. A", "a.example. AAAA", "b.example. AAAA"}));
}

TEST(CachingResolver, questions_outstanding_at_a_server_have_a_bound_and_the_rest_waits_its_turn) {
  Bed bed(v4_only, 2, {.per_server = 4});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(bed.resolver->full(), i >= 8) << i;
    bed.ask("n" + std::to_string(i) + ".example");
  }
  EXPECT_EQ(bed.dns->asked.size(), 8U);
  bed.pass(kSecond);
  EXPECT_EQ(bed.told.size(), 100U);
  EXPECT_EQ(bed.dns->outstanding_peak, 8U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(bed.dns->asked[i].name, "n" + std::to_string(i) + ".example.");
  EXPECT_FALSE(bed.resolver->full());
}

TEST(CachingResolver, one_who_waits_for_a_server_times_out_as_others_do) {
  Bed bed(silence, 1, {.per_server = 1});
  bed.ask("a.example");
  const std::uint32_t waits = bed.ask("b.example");
  bed.pass(kTimeout + 2 * kMillisecond);
  EXPECT_EQ(bed.told.at(waits).outcome, Outcome::kTimeout);
}

TEST(CachingResolver, servers_share_the_load) {
  Bed bed(v4_only, 4);
  for (int i = 0; i < 100; ++i) bed.ask("n" + std::to_string(i) + ".example");
  std::map<std::uint32_t, int> of_server;
  for (const FakeDns::Asked& asked : bed.dns->asked) ++of_server[asked.server];
  for (std::uint32_t server = 0; server < 4; ++server) EXPECT_EQ(of_server[server], 25) << server;
}

TEST(CachingResolver, a_silent_server_costs_a_third_at_first_and_is_asked_last_then) {
  Bed bed([](const FakeDns::Asked& asked) { return asked.server == 0 ? std::nullopt : v4_only(asked); }, 2);
  for (int i = 0; i < 10; ++i) bed.ask("n" + std::to_string(i) + ".example");
  bed.pass(kTimeout / 3 + 30 * kMillisecond);
  EXPECT_EQ(bed.told.size(), 10U) << "the other server has answered";
  bed.dns->asked.clear();
  for (int i = 0; i < 100; ++i) bed.ask("m" + std::to_string(i) + ".example");
  for (const FakeDns::Asked& asked : bed.dns->asked) EXPECT_EQ(asked.server, 1U);
}

TEST(CachingResolver, a_server_that_cannot_tell_is_followed_by_the_next) {
  for (const std::uint16_t code : {2, 4, 5}) {
    Bed bed([code](const FakeDns::Asked& asked) { return asked.server < 2 ? rcode(code)(asked) : v4_only(asked); }, 3);
    EXPECT_EQ(bed.answer("a.example").outcome, Outcome::kSuccess) << code;
    EXPECT_EQ(bed.dns->asked.size(), 3U);
  }
  Bed none(rcode(5), 3);
  EXPECT_EQ(none.answer("a.example").error, "the resolver refused");
  EXPECT_EQ(none.dns->asked.size(), 3U);
}

TEST(CachingResolver, servers_that_cannot_be_reached) {
  Bed bed(v4_only, 2);
  bed.dns->unreachable = {0};
  EXPECT_EQ(bed.answer("a.example").outcome, Outcome::kSuccess);
  bed.dns->unreachable = {0, 1};
  const Told told = bed.answer("b.example");
  EXPECT_EQ(told.outcome, Outcome::kLocalError) << "this machine's fault";
  EXPECT_EQ(told.error, "no resolver can be reached");
  bed.dns->unreachable = {};
  EXPECT_EQ(bed.answer("b.example").outcome, Outcome::kSuccess) << "that is not kept";
}

TEST(CachingResolver, names_without_dots_follow_the_search_list) {
  const auto found_in = [](std::string name) {
    return [name](const FakeDns::Asked& asked) { return asked.name == name ? v4_only(asked) : said(asked, 3).bytes(); };
  };
  Bed bed(found_in("shop.b.example."), 1, {.search = {"a.example", "b.example"}});
  EXPECT_EQ(bed.answer("shop").outcome, Outcome::kSuccess);
  EXPECT_EQ(bed.names(), (Names{"shop.a.example. A", "shop.b.example. A"}));
  Bed nowhere(rcode(3), 1, {.search = {"a.example"}});
  EXPECT_EQ(nowhere.answer("shop").error, "no such name");
  EXPECT_EQ(nowhere.names(), (Names{"shop.a.example. A", "shop. A"})) << "as it is at last";
  nowhere.dns->asked.clear();
  nowhere.answer("www.shop");
  nowhere.answer("store.");
  EXPECT_EQ(nowhere.names(), (Names{"www.shop. A", "store. A"})) << "with a dot, as it is";
  Bed half([](const FakeDns::Asked& asked) { return said(asked, asked.name == "shop." ? 3 : 0).bytes(); }, 1,
           {.search = {"a.example"}});
  EXPECT_EQ(half.answer("shop").error, "the name has no address") << "one of them exists";
}

TEST(CachingResolver, what_is_never_asked_for) {
  Bed bed(v4_only, 1, {}, "10.0.0.1 known.example\n::5 known.example six\n");
  EXPECT_EQ(bed.answer("Known.Example").addresses, (std::vector{IpAddress::v4(0x0a000001), IpAddress::v6(5)}));
  EXPECT_EQ(bed.answer("six").address, IpAddress::v6(5));
  EXPECT_EQ(bed.answer("localhost").address, IpAddress::v4(0x7f000001));
  EXPECT_EQ(bed.answer("a.localhost.").address, IpAddress::v4(0x7f000001));
  EXPECT_EQ(bed.answer("192.0.2.1").address, IpAddress::v4(0xc0000201));
  EXPECT_EQ(bed.answer("hidden.onion").error, "no such name");
  for (const std::string& name : {std::string("a..example"), std::string(64, 'a'), std::string(), std::string(".")})
    EXPECT_EQ(bed.answer(name).error, "not a name that DNS can hold") << name;
  EXPECT_TRUE(bed.dns->asked.empty());
  Bed other(v4_only, 1, {.ip_version = IpVersion::k4}, "::5 six.example\n");
  EXPECT_EQ(other.answer("six.example").address, IpAddress::v4(0x01020304)) << "the file has none of the wanted family";
}

TEST(CachingResolver, the_cache_has_a_bound) {
  Bed bed(v4_only, 1, {.cached = 10});
  for (int i = 0; i < 100; ++i) bed.ask("n" + std::to_string(i) + ".example");
  bed.pass(kSecond);
  bed.dns->asked.clear();
  for (int i = 0; i < 100; ++i) bed.ask("n" + std::to_string(i) + ".example");
  EXPECT_EQ(bed.dns->asked.size(), 90U);
}

TEST(CachingResolver, nothing_is_due_when_nothing_is_asked) {
  Bed bed(v4_only);
  EXPECT_EQ(bed.resolver->next_time(bed.clock.now()), kNever);
  bed.answer("a.example");
  EXPECT_EQ(bed.resolver->next_time(bed.clock.now()), kNever);
}

constexpr std::uint64_t kV6Base = std::uint64_t{1} << 56;

// Addresses 10.0.0.1 … and kV6Base + 1 … for every name, so many of each family; -1: silence, -2: SERVFAIL.
FakeDns::Answers both(int v4, int v6) {
  return [v4, v6](const FakeDns::Asked& asked) -> std::optional<wire::DnsBytes> {
    const bool a = asked.type == dns_type::kA;
    const int count = a ? v4 : v6;
    if (count == -1) return std::nullopt;
    if (count == -2) return said(asked, 2).bytes();
    wire::DnsBuilder builder = said(asked);
    for (int i = 1; i <= count; ++i) {
      const auto number = static_cast<std::uint32_t>(i);
      if (a)
        builder.address(asked.name, 60, 0x0a000000 + number);
      else
        builder.answer(asked.name, dns_type::kAaaa, 60, wire::dns_number(kV6Base + number, 16));
    }
    return builder.bytes();
  };
}

TEST(CachingResolver, both_families_where_they_are_asked_for) {
  const auto v4 = [](std::uint32_t number) { return IpAddress::v4(0x0a000000 + number); };
  const auto v6 = [](std::uint32_t number) { return IpAddress::v6(kV6Base + number); };
  const CachingOptions wanted{.both_families = true};
  Bed bed(both(2, 1), 1, wanted);
  EXPECT_EQ(bed.answer("a.example").addresses, (Addresses{v4(1), v4(2), v6(1)}));
  EXPECT_EQ(bed.answer("a.example").addresses, (Addresses{v4(1), v4(2), v6(1)})) << "as it is kept";
  EXPECT_EQ(bed.names(), (Names{"a.example. A", "a.example. AAAA"}));

  EXPECT_EQ(
      Bed(both(1, 1), 1, {.ip_version = IpVersion::kPrefer6, .both_families = true}).answer("a.example").addresses,
      (Addresses{v6(1), v4(1)}));
  EXPECT_EQ(Bed(both(1, 1), 1, {.ip_version = IpVersion::k4, .both_families = true}).answer("a.example").addresses,
            (Addresses{v4(1)}));
  const Told many = Bed(both(8, 8), 1, wanted).answer("a.example");
  EXPECT_EQ(many.addresses, (Addresses{v4(1), v4(2), v4(3), v4(4), v6(1), v6(2), v6(3), v6(4)}));
  EXPECT_EQ(Bed(both(1, 0), 1, wanted).answer("a.example").addresses, (Addresses{v4(1)}));
  EXPECT_EQ(Bed(both(0, 1), 1, wanted).answer("a.example").addresses, (Addresses{v6(1)}));
  EXPECT_EQ(Bed(both(1, -2), 1, wanted).answer("a.example").addresses, (Addresses{v4(1)}));
  EXPECT_EQ(Bed(both(0, 0), 1, wanted).answer("a.example").outcome, Outcome::kDnsError);
}

TEST(CachingResolver, a_second_family_that_is_silent_is_not_waited_for_long) {
  Bed bed(both(1, -1), 1, {.both_families = true});
  const Nanos from = bed.clock.now();
  const Told told = bed.answer("a.example");
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_EQ(told.addresses, (Addresses{IpAddress::v4(0x0a000001)}));
  EXPECT_NEAR(static_cast<double>(told.at - from), 260e6, 2e6);
}

}  // namespace
}  // namespace sonde::engine
