#include "population/population.h"

#include <gtest/gtest.h>

#include <map>

namespace sonde::population {
namespace {

TEST(Population, shares_follow_the_weights) {
  const Population population(*parse_mix("ssh=1,refused=7,silent=2"), 42);
  std::map<std::string_view, double> seen;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i)
    seen[population
             .role_of({IpAddress::v4(0x7f000000U + static_cast<unsigned>(i) / 5), static_cast<std::uint16_t>(i % 5)})
             .name] += 1.0 / kCount;
  EXPECT_NEAR(seen["ssh"], 0.1, 0.005);
  EXPECT_NEAR(seen["refused"], 0.7, 0.01);
  EXPECT_NEAR(seen["silent"], 0.2, 0.007);
}

// Pearson's statistic over all roles of a mix, and over rows and columns of it: neither addresses nor ports show
// through. Its mean is the number of roles less one; three times that is met by chance less than once in 10^6 seeds
// here.
TEST(Population, roles_fit_their_weights_in_every_slice) {
  const Population population(*parse_mix("every"), 11);
  const auto& weights = population.mix().weights;
  const auto statistic = [&](std::uint32_t addresses, std::uint16_t ports) {
    std::map<const Role*, double> seen;
    for (std::uint32_t a = 0; a < addresses; ++a)
      for (std::uint16_t p = 0; p < ports; ++p)
        ++seen[&population.role_of({IpAddress::v4(0x7f4d0000 + a), static_cast<std::uint16_t>(1 + p)})];
    const double expected = double{1} * addresses * ports / static_cast<double>(weights.size());
    double sum = 0;
    for (const auto& [role, weight] : weights) sum += (seen[role] - expected) * (seen[role] - expected) / expected;
    return sum;
  };
  const double bound = 3.0 * static_cast<double>(weights.size() - 1);
  EXPECT_LT(statistic(65536, 1), bound);
  EXPECT_LT(statistic(1, 65535), bound);
  EXPECT_LT(statistic(256, 256), bound);
}

TEST(Population, is_a_function_of_mix_seed_and_endpoint) {
  const Population one(*parse_mix("default"), 1);
  const Population same(*parse_mix("default"), 1);
  const Population other(*parse_mix("default"), 2);
  int differ = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const Endpoint endpoint{IpAddress::v4(0x7f4d0000 + i), 80};
    EXPECT_EQ(&one.role_of(endpoint), &same.role_of(endpoint));
    differ += &one.role_of(endpoint) != &other.role_of(endpoint) ? 1 : 0;
  }
  EXPECT_GT(differ, 50);
}

// Worlds on different machines, and truths that were printed earlier, must agree for good.
TEST(Population, golden_roles_never_change) {
  const Population population(*parse_mix("every"), 7);
  std::string names;
  for (std::uint32_t i = 0; i < 6; ++i)
    names += std::string(population.role_of({IpAddress::v4(0x7f4d0000 + i), 80}).name) + " ";
  EXPECT_EQ(names, "imap reset_on_accept close_on_accept line pop3 ftp ");
}

TEST(Population, roles_of_datagrams_are_sane) {
  for (const Role& role : datagram_roles()) {
    EXPECT_EQ(find_role(role.name), nullptr) << "no mix of the world has it";
    EXPECT_FALSE(role.help.empty());
    EXPECT_FALSE(role.datagrams.outcome.empty());
    EXPECT_TRUE(role.arrival == Arrival::kAccept || role.script.empty()) << role.name;
    for (const Act& act : role.script) EXPECT_EQ(act.reply != nullptr, act.kind == Act::Kind::kReply) << role.name;
  }
}

TEST(Population, scripts_are_sane) {
  for (const Role& role : roles()) {
    EXPECT_EQ(find_role(role.name), &role) << "names are unique";
    EXPECT_FALSE(role.help.empty());
    EXPECT_FALSE(role.tcp.outcome.empty());
    EXPECT_FALSE(role.banner.outcome.empty());
    EXPECT_FALSE(role.tls.outcome.empty());
    EXPECT_FALSE(role.http.outcome.empty());
    for (const Expectation& expected : {role.tcp, role.banner, role.tls, role.http})
      EXPECT_EQ(expected.cause.empty(), expected.outcome != "timeout") << role.name;
    EXPECT_TRUE(role.arrival == Arrival::kAccept || role.script.empty()) << role.name;
    for (std::size_t i = 0; i < role.script.size(); ++i) {
      const Act& act = role.script[i];
      EXPECT_TRUE(act.kind != Act::Kind::kSend || !act.bytes.empty());
      EXPECT_TRUE(act.kind != Act::Kind::kAwait || act.count > 0);
      EXPECT_TRUE(act.kind != Act::Kind::kPause || (act.pause > 0 && act.pause < kSecond / 2))
          << "half a second of silence ends a banner";
      const bool ends =
          act.kind == Act::Kind::kClose || act.kind == Act::Kind::kReset || act.kind == Act::Kind::kDeafen;
      EXPECT_TRUE(!ends || i + 1 == role.script.size()) << "nothing follows the end";
    }
  }
}

TEST(Mix, errors_say_what_would_be_right) {
  EXPECT_EQ(parse_mix("shh=1").error().text, "no role or mix is called 'shh'; did you mean 'ssh'?");
  EXPECT_EQ(parse_mix("ssh=x").error().text, "'ssh=x' is not a share: write ROLE=WEIGHT, such as ssh=2");
  EXPECT_EQ(parse_mix("ssh").error().text, "'ssh' is not a share: write ROLE=WEIGHT, such as ssh=2");
  EXPECT_FALSE(parse_mix(""));
  EXPECT_FALSE(parse_mix("ssh=0"));
  for (const char* text : {"ssh=1,", ",ssh=1", "ssh=1,,http=1"})
    EXPECT_EQ(parse_mix(text).error().text, "a comma too many: write ROLE=WEIGHT,ROLE=WEIGHT") << text;
}

TEST(Mix, every_named_mix_parses_and_has_help) {
  for (const char* name : {"default", "open", "quiet", "every", "stuck", "tls", "http"}) {
    const Parsed<Mix> mix = parse_mix(name);
    ASSERT_TRUE(mix) << name;
    EXPECT_NE(mix_help().find(std::string("  ") + name + ": "), std::string::npos);
    for (const auto& [role, weight] : mix->weights)
      EXPECT_NE(role->arrival, Arrival::kUnreachable) << "a world can play every named mix";
  }
}

TEST(Mix, the_default_is_mostly_closed_with_few_silent) {
  std::map<Arrival, double> shares;
  double total = 0;
  const Mix mix = *parse_mix("default");
  for (const auto& [role, weight] : mix.weights) {
    shares[role->arrival] += weight;
    total += weight;
  }
  EXPECT_GT(shares[Arrival::kRefuse] / total, 0.9);
  EXPECT_GT(shares[Arrival::kAccept] / total, 0.02);
  EXPECT_LT(shares[Arrival::kSilent] / total, 0.02);
}

TEST(Population, knows_which_arrivals_it_has) {
  const Population population(*parse_mix("ssh=1,silent=2"), 1);
  EXPECT_TRUE(population.has(Arrival::kAccept));
  EXPECT_TRUE(population.has(Arrival::kSilent));
  EXPECT_FALSE(population.has(Arrival::kRefuse));
}

}  // namespace
}  // namespace sonde::population
