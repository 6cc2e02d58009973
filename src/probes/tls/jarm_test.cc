#include "probes/tls/jarm.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "probes/tls/ja3s.h"
#include "probes/tls/survey_model.h"

namespace sonde::probes {
namespace {

using wire::TlsBytes;

// The hellos as a server sees them.
std::vector<TlsBytes> hellos(std::string_view server_name) {
  std::vector<TlsBytes> seen;
  Jarm jarm;
  run(
      jarm,
      [&](std::span<const std::byte> hello) {
        seen.emplace_back(hello.begin(), hello.end());
        return HelloAnswer{.kind = HelloAnswer::Kind::kAlert, .alert = 40};
      },
      server_name);
  return seen;
}

bool is_grease(std::uint16_t number) { return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff); }

TEST(Jarm, orders_its_suites_in_ten_ways) {
  struct Case {
    std::size_t count;
    std::uint16_t first, second, last;
  };
  // The list has 69; its middle is 0xc013's neighbourhood: [34] = 0xc012.
  const Case cases[kJarmHellos] = {
      {69, 0x0016, 0x0033, 0x0005}, {69, 0x0005, 0x0004, 0x0016}, {35, 0xc012, 0xc007, 0x0016},
      {34, 0xc013, 0xc027, 0x0005}, {69, 0xc012, 0xc013, 0x0016}, {69, 0x0016, 0x0033, 0x0005},
      {69, 0x0016, 0x0033, 0x0005}, {69, 0x0005, 0x0004, 0x0016}, {64, 0x0016, 0x0033, 0x0005},
      {69, 0xc012, 0xc013, 0x0016},
  };
  for (std::size_t i = 0; i < kJarmHellos; ++i) {
    const Numbers suites = jarm_suites(i);
    EXPECT_EQ(suites.size(), cases[i].count) << i;
    EXPECT_EQ(suites[0], cases[i].first) << i;
    EXPECT_EQ(suites[1], cases[i].second) << i;
    EXPECT_EQ(suites.back(), cases[i].last) << i;
    EXPECT_EQ(std::set(suites.begin(), suites.end()).size(), suites.size()) << i;
  }
}

TEST(Jarm, hellos_have_the_form_that_the_fingerprint_is_of) {
  const std::vector<TlsBytes> seen = hellos("example.test");
  ASSERT_EQ(seen.size(), kJarmHellos);
  struct Case {
    std::uint16_t record, version;
    bool grease;
    const char* first_alpn;
    std::size_t alpn;
    Numbers versions;
  };
  const Numbers none;
  const Case cases[kJarmHellos] = {
      {0x0303, 0x0303, false, "hq", 9, {0x0303, 0x0302, 0x0301}},
      {0x0303, 0x0303, false, "http/0.9", 9, {0x0301, 0x0302, 0x0303}},
      {0x0303, 0x0303, false, "http/0.9", 9, none},
      {0x0303, 0x0303, false, "http/0.9", 7, none},
      {0x0303, 0x0303, true, "hq", 7, none},
      {0x0302, 0x0302, false, "http/0.9", 9, none},
      {0x0301, 0x0303, false, "hq", 9, {0x0304, 0x0303, 0x0302, 0x0301}},
      {0x0301, 0x0303, false, "http/0.9", 9, {0x0301, 0x0302, 0x0303, 0x0304}},
      {0x0301, 0x0303, false, "http/0.9", 9, {0x0301, 0x0302, 0x0303, 0x0304}},
      {0x0301, 0x0303, true, "hq", 9, {0x0304, 0x0303, 0x0302, 0x0301}},
  };
  for (std::size_t i = 0; i < kJarmHellos; ++i) {
    SCOPED_TRACE(i);
    const auto hello = wire::read_client_hello(seen[i]);
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->record_version, cases[i].record);
    EXPECT_EQ(hello->legacy_version, cases[i].version);
    EXPECT_EQ(hello->session_id.size(), 32U);
    EXPECT_EQ(hello->server_name(), "example.test");
    Numbers ciphers = hello->ciphers;
    Numbers versions = hello->versions();
    Numbers order;
    for (const auto& extension : hello->extensions) order.push_back(extension.type);
    EXPECT_EQ(is_grease(ciphers.front()), cases[i].grease);
    EXPECT_EQ(is_grease(order.front()), cases[i].grease);
    TlsBytes shares = wire::u16(29) + wire::vec(2, TlsBytes(32));
    if (cases[i].grease) {
      ciphers.erase(ciphers.begin());
      order.erase(order.begin());
      if (!versions.empty()) {
        EXPECT_TRUE(is_grease(versions.front()));
        versions.erase(versions.begin());
      }
      shares = wire::u16(0x0a0a) + wire::vec(2, wire::u8(0)) + shares;
    }
    EXPECT_EQ(ciphers, jarm_suites(i));
    EXPECT_EQ(versions, cases[i].versions);
    Numbers expected = {0, 23, 1, 0xff01, 10, 11, 35, 16, 13, 51, 45};
    if (!versions.empty()) expected.push_back(43);
    EXPECT_EQ(order, expected);
    EXPECT_EQ(hello->find(wire::kExtKeyShare)->size(), shares.size() + 2);
    EXPECT_EQ(hello->groups(), (Numbers{29, 23, 24, 25}));
    EXPECT_EQ(wire::as_text(*hello->find(wire::kExtSignatureAlgorithms)),
              wire::as_text(wire::hex("0012 0403 0804 0401 0503 0805 0501 0806 0601 0201")));
    wire::ByteReader alpn(*hello->find(wire::kExtAlpn));
    wire::ByteReader names(alpn.vector16());
    std::size_t count = 0;
    for (; !names.at_end(); ++count) {
      const std::string_view name = wire::as_text(names.vector8());
      EXPECT_TRUE(count > 0 || name == cases[i].first_alpn) << name;
      EXPECT_FALSE(cases[i].alpn == 7 && (name == "h2" || name == "http/1.1")) << "rare";
    }
    EXPECT_EQ(count, cases[i].alpn);
  }
}

TEST(Jarm, never_sends_an_address_as_the_server_name) {
  for (const char* name : {"192.0.2.1", "2001:db8::1", ""}) {
    for (const TlsBytes& hello : hellos(name))
      EXPECT_FALSE(wire::read_client_hello(hello)->find(wire::kExtServerName)) << name;
  }
}

TEST(JarmHash, of_no_answer_at_all_is_zeros) { EXPECT_EQ(jarm_hash({}), std::string(62, '0')); }

TEST(JarmHash, has_three_digits_an_answer_and_half_a_sha256) {
  std::array<JarmAnswer, kJarmHellos> answers;
  answers[0] = {.answered = true, .cipher = 0x0004, .legacy_version = 0x0303, .alpn = "h2", .extensions = "ff01-0010"};
  answers[2] = {.answered = true, .cipher = 0x1305, .legacy_version = 0x0304};
  answers[3] = {.answered = true, .cipher = 0xcca9, .legacy_version = 0x0300};
  answers[4] = {.answered = true, .cipher = 0x1301, .legacy_version = 0x0301};
  answers[9] = {.answered = true, .cipher = 0x7777, .legacy_version = 0x0302, .extensions = "0017"};
  const std::string hash = jarm_hash(answers);
  ASSERT_EQ(hash.size(), 62U);
  // 69 suites, those of TLS 1.3 last: 0004 is the 1st, cca9 the 64th, 1301 the 65th, 1305 the 69th.
  EXPECT_EQ(hash.substr(0, 30), "01d00045e40a41b00000000000046c");
  // SHA-256 of "h2ff01-00100017".
  EXPECT_EQ(hash.substr(30), "a9d6b22d49543aebde578d481f551cd5");
}

TEST(Jarm, keeps_a_failed_answer_as_an_empty_one) {
  ModelServer server;
  server.suites = {{wire::kTls12, {0xc02f}}};
  server.groups = {29};
  Jarm jarm;
  std::size_t asked = 0;
  run(jarm, [&](std::span<const std::byte> hello) {
    server.answer(wire::kTls12, 0xc02f, {29});
    (void)hello;
    return asked++ % 2 == 0 ? server.answer(wire::kTls12, 0xc02f, {29}) : server.nothing();
  });
  SurveyResult result;
  jarm.add_to(result);
  EXPECT_EQ(asked, kJarmHellos);
  EXPECT_EQ(result.jarm.substr(0, 12), "29d00029d000");
  EXPECT_FALSE(result.incomplete);
}

TEST(Jarm, is_void_after_a_timeout_and_when_it_did_not_end) {
  for (std::size_t when = 0; when < kJarmHellos; ++when) {
    Jarm jarm;
    std::size_t asked = 0;
    run(jarm, [&](std::span<const std::byte>) { return HelloAnswer{.timed_out = asked++ == when}; });
    SurveyResult result;
    jarm.add_to(result);
    EXPECT_EQ(result.jarm, "");
    EXPECT_EQ(asked, when + 1) << "and nothing more is asked";
  }
  SurveyResult result;
  Jarm().add_to(result);
  EXPECT_EQ(result.jarm, "");
}

TEST(Ja3s, has_the_published_values) {
  EXPECT_EQ(ja3s_text(771, 4865, Numbers{51, 43}), "771,4865,51-43");
  EXPECT_EQ(ja3s(771, 4865, Numbers{51, 43}), "eb1d94daa7e0344597e756a1fb6e7054");
  EXPECT_EQ(ja3s(771, 52393, Numbers{0, 65281, 11, 16}), "7f76f3e952a1bc7d407366fafe1db7ed");
  EXPECT_EQ(ja3s_text(769, 5, {}), "769,5,");
}

}  // namespace
}  // namespace sonde::probes
