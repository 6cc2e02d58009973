// Surveys against models of servers, sane and otherwise.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "probes/tls/cipher_survey.h"
#include "probes/tls/elimination.h"
#include "probes/tls/survey_hello.h"
#include "probes/tls/survey_model.h"
#include "probes/tls/surveys.h"

namespace sonde::probes {
namespace {

// Suites of the first hello, and of later ones (NULL, anonymous, export, PSK).
const Numbers kModern = {0xc030, 0xc02f, 0x009d, 0xc013, 0x002f};
const Numbers kMixed = {0x0001, 0xc02f, 0x0034, 0x0005, 0x0003, 0x008c, 0xc02b};

ModelServer modern() {
  ModelServer server;
  server.suites = {{wire::kTls12, kModern}, {wire::kTls13, {0x1302, 0x1303, 0x1301}}};
  server.groups = {29, 4588, 23};
  return server;
}

SurveyResult survey(ModelServer& server, SurveyOptions options = {.versions = true, .ciphers = true, .groups = true}) {
  return run_all(make_surveys(options), std::ref(server));
}
Numbers sorted(Numbers numbers) {
  std::ranges::sort(numbers);
  return numbers;
}

TEST(Surveys, find_versions_suites_and_groups_in_the_servers_order) {
  ModelServer server = modern();
  const SurveyResult result = survey(server);
  EXPECT_TRUE(result.has_versions && result.has_ciphers && result.has_groups);
  EXPECT_EQ(result.versions, (Numbers{wire::kTls12, wire::kTls13}));
  ASSERT_EQ(result.ciphers.size(), 2U);
  EXPECT_EQ(result.ciphers[0].version, wire::kTls12);
  EXPECT_EQ(result.ciphers[0].suites, kModern);
  EXPECT_TRUE(result.ciphers[0].server_order);
  EXPECT_EQ(result.ciphers[1].suites, (Numbers{0x1302, 0x1303, 0x1301}));
  EXPECT_TRUE(result.ciphers[1].server_order);
  EXPECT_EQ(result.groups, (Numbers{29, 4588, 23}));
  EXPECT_FALSE(result.incomplete);
  EXPECT_TRUE(result.jarm.empty());
  EXPECT_LT(server.asked, 60U);
  EXPECT_LE(server.longest_hello, 600U) << "long hellos break some servers";
}

TEST(Surveys, tell_a_server_that_follows_its_client) {
  ModelServer server = modern();
  server.server_order = false;
  const SurveyResult result = survey(server);
  ASSERT_EQ(result.ciphers.size(), 2U);
  EXPECT_FALSE(result.ciphers[0].server_order);
  EXPECT_EQ(result.ciphers[0].suites, sorted(kModern));
  EXPECT_EQ(result.ciphers[1].suites, (Numbers{0x1301, 0x1302, 0x1303}));
  EXPECT_EQ(result.groups, (Numbers{23, 29, 4588}));
  EXPECT_FALSE(result.incomplete);
}

TEST(Surveys, find_the_order_among_suites_of_different_hellos) {
  for (const bool server_order : {true, false}) {
    ModelServer server;
    server.server_order = server_order;
    server.suites = {{wire::kTls10, kMixed}, {wire::kTls12, kMixed}};
    server.groups = {23};
    const SurveyResult result = survey(server);
    ASSERT_EQ(result.ciphers.size(), 2U);
    for (const auto& ciphers : result.ciphers) {
      EXPECT_EQ(ciphers.server_order, server_order);
      EXPECT_EQ(ciphers.suites, server_order ? kMixed : sorted(kMixed));
    }
    EXPECT_FALSE(result.incomplete);
  }
}

// Whichever suite the server likes best: first or last of what is offered, in one chunk or in several.
TEST(Surveys, find_every_order_of_a_few_suites) {
  Numbers few = {0xc02b, 0x0001, 0x0015, 0xd005};
  std::ranges::sort(few);
  do {
    ModelServer server;
    server.suites = {{wire::kTls12, few}};
    server.groups = {29};
    const SurveyResult result = survey(server, {.ciphers = true});
    ASSERT_EQ(result.ciphers.size(), 1U);
    EXPECT_EQ(result.ciphers[0].suites, few);
    EXPECT_TRUE(result.ciphers[0].server_order);
    EXPECT_FALSE(result.has_versions) << "not asked for, not told";
  } while (std::ranges::next_permutation(few).found);
}

TEST(Surveys, ask_in_lists_that_no_server_chokes_on) {
  ModelServer server = modern();
  server.longest_list = 64;
  EXPECT_EQ(survey(server).ciphers[0].suites, kModern);
}

TEST(Surveys, take_a_closed_connection_for_a_refusal_when_the_server_still_answers) {
  for (const bool timed_out : {false, true}) {
    ModelServer server = modern();
    server.refuses_without_a_word = true;
    server.timed_out = timed_out;
    const SurveyResult result = survey(server);
    EXPECT_EQ(result.versions, (Numbers{wire::kTls12, wire::kTls13}));
    ASSERT_EQ(result.ciphers.size(), 2U);
    EXPECT_EQ(result.ciphers[0].suites, kModern);
    EXPECT_EQ(result.groups, (Numbers{29, 4588, 23}));
    EXPECT_FALSE(result.incomplete);
  }
}

TEST(Surveys, survive_one_lost_connection_wherever_it_is_lost) {
  ModelServer untouched = modern();
  const SurveyResult expected = survey(untouched);
  for (std::size_t lost = 2; lost <= untouched.asked; ++lost) {
    ModelServer server = modern();
    server.lost = lost;
    const SurveyResult result = survey(server);
    EXPECT_EQ(result.versions, expected.versions) << lost;
    EXPECT_EQ(result.groups, expected.groups) << lost;
    ASSERT_EQ(result.ciphers.size(), 2U) << lost;
    EXPECT_EQ(result.ciphers[0].suites, expected.ciphers[0].suites) << lost;
    EXPECT_EQ(result.ciphers[1].suites, expected.ciphers[1].suites) << lost;
  }
}

TEST(Surveys, say_that_they_are_incomplete_whenever_the_server_stops_answering) {
  ModelServer untouched = modern();
  survey(untouched);
  for (const bool timed_out : {false, true}) {
    for (std::size_t answers = 0; answers < untouched.asked; ++answers) {
      ModelServer server = modern();
      server.answers = answers;
      server.timed_out = timed_out;
      const SurveyResult result = survey(server);
      EXPECT_TRUE(result.incomplete) << answers;
      EXPECT_LE(server.asked, untouched.asked + 30) << answers;
    }
  }
}

TEST(Surveys, of_a_server_that_only_alerts_find_nothing) {
  for (const int alert : {40, 70, 112, 80}) {
    ModelServer server;
    server.refusal_of_version = static_cast<std::uint8_t>(alert);
    const SurveyResult result = survey(server);
    EXPECT_TRUE(result.has_versions && result.has_ciphers && result.has_groups);
    EXPECT_TRUE(result.versions.empty() && result.ciphers.empty() && result.groups.empty());
    EXPECT_FALSE(result.incomplete);
    EXPECT_LE(server.asked, 41U);
  }
}

TEST(VersionSurvey, does_not_take_another_version_for_the_one_it_asked_for) {
  ModelServer server;
  server.suites = {{wire::kTls10, kModern}};
  server.groups = {23};
  server.falls_back = true;
  EXPECT_EQ(survey(server).versions, Numbers{wire::kTls10});
}

TEST(VersionSurvey, finds_a_version_whose_only_suite_is_rare) {
  ModelServer server;
  server.suites = {{wire::kTls11, {0x00a7}}, {wire::kSsl3, {0x0001}}};
  const SurveyResult result = survey(server);
  EXPECT_EQ(result.versions, (Numbers{wire::kSsl3, wire::kTls11}));
  ASSERT_EQ(result.ciphers.size(), 2U);
  EXPECT_EQ(result.ciphers[0].suites, Numbers{0x0001});
  EXPECT_FALSE(result.ciphers[0].server_order) << "one suite has no order";
}

TEST(CipherSurvey, is_bounded_whatever_the_server_accepts) {
  ModelServer server;
  for (const std::uint16_t version : {wire::kSsl3, wire::kTls10, wire::kTls11, wire::kTls12})
    server.suites[version] = suites_of(version);
  server.groups = {23};
  VersionSurvey versions(VersionSurvey::Use::kReport);
  run(versions, std::ref(server));
  CipherSurvey ciphers(versions);
  EXPECT_EQ(run(ciphers, std::ref(server)), CipherSurvey::kMaxHellos);
  SurveyResult result;
  ciphers.add_to(result);
  EXPECT_TRUE(result.incomplete);
  ASSERT_FALSE(result.ciphers.empty());
  EXPECT_EQ(result.ciphers.back().version, wire::kTls12) << "the newest came first";
  EXPECT_GT(result.ciphers.back().suites.size(), 300U);
}

TEST(CipherSurvey, takes_a_choice_that_was_not_offered_for_a_refusal) {
  ModelServer server = modern();
  const SurveyResult result = run_all(make_surveys({.ciphers = true}), [&](std::span<const std::byte> hello) {
    HelloAnswer answer = server(hello);
    if (answer.kind == HelloAnswer::Kind::kServerHello) answer.hello.cipher = 0x5600;
    return answer;
  });
  ASSERT_EQ(result.ciphers.size(), 2U);
  EXPECT_TRUE(result.ciphers[0].suites.empty());
  EXPECT_TRUE(result.incomplete);
}

TEST(GroupSurvey, before_tls13_asks_for_each_curve_alone) {
  ModelServer server;
  server.suites = {{wire::kTls12, kModern}};
  server.groups = {29, 23, 26};
  const SurveyResult result = survey(server, {.groups = true});
  EXPECT_EQ(result.groups, (Numbers{23, 26, 29}));
  EXPECT_FALSE(result.incomplete);
}

TEST(GroupSurvey, before_tls13_finds_the_curves_behind_that_of_the_certificate) {
  ModelServer server;
  server.suites = {{wire::kTls12, {0xc02b}}};
  server.groups = {29, 23, 26, 24};
  server.server_order = false;
  for (const std::uint16_t curve : {std::uint16_t{23}, std::uint16_t{24}, std::uint16_t{25}}) {
    server.certificate_curve = curve;  // 25: one for signatures alone
    const SurveyResult result = survey(server, {.groups = true});
    EXPECT_EQ(result.groups, (Numbers{23, 24, 26, 29})) << curve;
    EXPECT_FALSE(result.incomplete) << curve;
  }
  server.certificate_curve = 0;
  server.groups = {23};
  EXPECT_EQ(survey(server, {.groups = true}).groups, Numbers{23}) << "one and no more";
}

TEST(GroupSurvey, says_nothing_of_a_server_that_ignores_the_list) {
  ModelServer server;
  server.suites = {{wire::kTls12, kModern}};
  server.groups = {23};
  server.ignores_groups = true;
  const SurveyResult result = survey(server, {.groups = true});
  EXPECT_TRUE(result.has_groups && result.groups.empty());
  EXPECT_TRUE(result.incomplete);
}

TEST(SuitesOf, a_version_are_all_that_fit_and_none_twice) {
  for (const std::uint16_t version : {wire::kSsl3, wire::kTls10, wire::kTls12, wire::kTls13}) {
    const Numbers suites = suites_of(version);
    EXPECT_EQ(std::set(suites.begin(), suites.end()).size(), suites.size());
    for (const std::uint16_t suite : suites) {
      EXPECT_FALSE(wire::is_tls_signal(suite));
      EXPECT_FALSE(wire::known_tls_cipher(suite).empty()) << suite;
    }
  }
  EXPECT_GT(suites_of(wire::kTls12).size(), 330U);
  for (const int suite : {0x0005, 0x0001, 0x0003, 0x0018, 0x008c})  // RC4, NULL, export, anonymous, PSK
    EXPECT_EQ(std::ranges::count(suites_of(wire::kTls12), suite), 1) << suite;
  for (const int suite : {0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x1306, 0x1307, 0xc6, 0xc7}) {
    EXPECT_EQ(std::ranges::count(suites_of(wire::kTls13), suite), 1) << suite;
    EXPECT_EQ(std::ranges::count(suites_of(wire::kTls12), suite), 0) << suite;
  }
}

TEST(SurveyHello, asks_for_one_version_alone) {
  const std::array<std::byte, 64> nonce{};
  const Numbers suites = {0xc02f};
  for (const std::uint16_t version : {wire::kSsl3, wire::kTls10, wire::kTls11, wire::kTls12, wire::kTls13}) {
    const auto bytes =
        survey_hello({.version = version, .suites = suites, .groups = groups_of(version)}, "example.test", nonce);
    const auto hello = wire::read_client_hello(bytes);
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->legacy_version, std::min(version, wire::kTls12));
    EXPECT_EQ(hello->record_version, std::min(version, wire::kTls10));
    EXPECT_EQ(hello->versions(), version == wire::kTls13 ? Numbers{wire::kTls13} : Numbers());
    EXPECT_EQ(hello->server_name(), version == wire::kSsl3 ? "" : "example.test");
    EXPECT_EQ(hello->find(wire::kExtSignatureAlgorithms).has_value(), version >= wire::kTls12);
    EXPECT_EQ(hello->extensions.empty(), version == wire::kSsl3);
    if (version == wire::kTls13) {
      EXPECT_EQ(wire::as_text(*hello->find(wire::kExtKeyShare)), std::string_view("\0\0", 2));
    }
  }
  EXPECT_FALSE(wire::read_client_hello(survey_hello({.version = wire::kTls12, .suites = suites}, "", nonce))
                   ->find(wire::kExtServerName));
}

TEST(Elimination, finds_what_is_accepted_in_any_chunks) {
  for (const std::size_t chunk : {1, 2, 3, 10}) {
    Elimination elimination({1, 2, 3, 4, 5, 6, 7}, chunk);
    const Numbers order = {6, 1, 4};
    while (!elimination.done()) {
      const auto offer = elimination.offer();
      ASSERT_LE(offer.size(), chunk);
      const auto best =
          std::ranges::find_if(order, [&](std::uint16_t n) { return std::ranges::find(offer, n) != offer.end(); });
      if (best == order.end()) {
        elimination.refused(false);
      } else {
        elimination.chosen(*best);
      }
    }
    EXPECT_EQ(sorted(elimination.accepted()), (Numbers{1, 4, 6})) << chunk;
    EXPECT_EQ(elimination.accepted(), chunk >= 3 ? order : sorted(order)) << chunk;
    EXPECT_FALSE(elimination.incomplete());
  }
  EXPECT_TRUE(Elimination({}, 4).done());
}

}  // namespace
}  // namespace sonde::probes
