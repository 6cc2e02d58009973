// Surveys against OpenSSL as a server, over memory: they find exactly what it was configured with.
#include <gtest/gtest.h>

#include <functional>

#include "probes/tls/survey_model.h"
#include "probes/tls/surveys.h"
#include "tls/memory_server.h"

namespace sonde::probes {
namespace {

struct Config {
  std::uint16_t oldest = wire::kTls10;
  std::uint16_t newest = wire::kTls13;
  const char* suites = "ECDHE-RSA-AES128-GCM-SHA256";
  const char* groups = "X25519:P-256:P-384";
  bool server_order = true;
};

// The answer to each hello, on a connection of its own.
class Answers {
 public:
  explicit Answers(const Config& config)
      : server_({.min_version = config.oldest,
                 .max_version = config.newest,
                 .both_keys = true,
                 .ciphers = config.suites,
                 .suites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
                 .groups = config.groups,
                 .server_order = config.server_order}) {}

  HelloAnswer operator()(std::span<const std::byte> hello) {
    using Kind = HelloAnswer::Kind;
    answer_ = tls::MemoryConnection(server_).hear(hello);
    const auto record = wire::TlsRecordProcessor().parse(answer_);
    if (record.kind != wire::ParseResult<wire::TlsRecord>::Kind::kFrame) return {};
    if (record.frame.type == wire::TlsContent::kAlert)
      return {.kind = Kind::kAlert, .alert = std::to_integer<std::uint8_t>(record.frame.fragment[1])};
    const auto message = wire::TlsMessageProcessor(65536).parse(record.frame.fragment);
    const auto server_hello = wire::read_server_hello(message.frame.body);
    SONDE_CHECK(server_hello.has_value(), "OpenSSL answers with a ServerHello");
    return {.kind = server_hello->is_hello_retry() ? Kind::kHelloRetry : Kind::kServerHello, .hello = *server_hello};
  }

 private:
  tls::MemoryServer server_;
  wire::TlsBytes answer_;
};

SurveyResult survey(const Config& config) {
  Answers answers(config);
  return run_all(make_surveys({.versions = true, .ciphers = true, .groups = true, .jarm = true}), std::ref(answers));
}

// All of one hello: what most servers have.
constexpr const char* kCommon =
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA:"
    "AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA";
const Numbers kCommonNumbers = {0xcca8, 0xc02c, 0x002f, 0xc027, 0x0039, 0x009d, 0xc009};
const Numbers kCommonBefore12 = {0x002f, 0x0039, 0xc009};
// Of several: NULL, anonymous, ARIA, Camellia.
constexpr const char* kRare =
    "ADH-AES128-SHA:ARIA256-GCM-SHA384:AES256-SHA:NULL-SHA256:ECDHE-RSA-AES128-GCM-SHA256:CAMELLIA128-SHA:NULL-MD5:"
    "AECDH-NULL-SHA";
const Numbers kRareNumbers = {0x0034, 0xc051, 0x0035, 0x003b, 0xc02f, 0x0041, 0x0001, 0xc015};
const Numbers kRareBefore12 = {0x0034, 0x0035, 0x0041, 0x0001, 0xc015};

Numbers sorted(Numbers numbers) {
  std::ranges::sort(numbers);
  return numbers;
}

TEST(SurveysOfOpenssl, find_all_versions_and_suites_in_its_order) {
  const SurveyResult result = survey({.suites = kCommon});
  EXPECT_EQ(result.versions, (Numbers{wire::kTls10, wire::kTls11, wire::kTls12, wire::kTls13}));
  ASSERT_EQ(result.ciphers.size(), 4U);
  EXPECT_EQ(result.ciphers[0].suites, kCommonBefore12);
  EXPECT_EQ(result.ciphers[1].suites, kCommonBefore12);
  EXPECT_EQ(result.ciphers[2].suites, kCommonNumbers);
  EXPECT_EQ(result.ciphers[3].suites, (Numbers{0x1302, 0x1303, 0x1301}));
  for (const auto& ciphers : result.ciphers) EXPECT_TRUE(ciphers.server_order) << ciphers.version;
  EXPECT_EQ(result.jarm.size(), 62U);
  EXPECT_FALSE(result.incomplete);
}

TEST(SurveysOfOpenssl, find_rare_suites_in_its_order) {
  const SurveyResult result = survey({.newest = wire::kTls12, .suites = kRare});
  ASSERT_EQ(result.ciphers.size(), 3U);
  EXPECT_EQ(result.ciphers[0].suites, kRareBefore12);
  EXPECT_EQ(result.ciphers[2].suites, kRareNumbers);
  for (const auto& ciphers : result.ciphers) EXPECT_TRUE(ciphers.server_order) << ciphers.version;
  EXPECT_FALSE(result.incomplete);
}

TEST(SurveysOfOpenssl, see_when_it_follows_its_client) {
  for (const char* suites : {kCommon, kRare}) {
    const SurveyResult result = survey({.suites = suites, .server_order = false});
    ASSERT_EQ(result.ciphers.size(), 4U);
    EXPECT_EQ(result.ciphers[2].suites, sorted(suites == kCommon ? kCommonNumbers : kRareNumbers));
    EXPECT_EQ(result.ciphers[3].suites, (Numbers{0x1301, 0x1302, 0x1303}));
    for (const auto& ciphers : result.ciphers) EXPECT_FALSE(ciphers.server_order) << ciphers.version;
    EXPECT_FALSE(result.incomplete);
  }
}

TEST(SurveysOfOpenssl, find_each_version_alone) {
  for (const std::uint16_t version : {wire::kTls10, wire::kTls11, wire::kTls12, wire::kTls13}) {
    const SurveyResult result = survey({.oldest = version, .newest = version, .suites = kCommon});
    EXPECT_EQ(result.versions, Numbers{version});
    EXPECT_FALSE(result.incomplete);
  }
}

TEST(SurveysOfOpenssl, find_a_version_with_one_rare_suite) {
  const SurveyResult result = survey({.newest = wire::kTls12, .suites = "AECDH-NULL-SHA"});
  EXPECT_EQ(result.versions, (Numbers{wire::kTls10, wire::kTls11, wire::kTls12}));
  ASSERT_EQ(result.ciphers.size(), 3U);
  EXPECT_EQ(result.ciphers[0].suites, Numbers{0xc015});
}

TEST(SurveysOfOpenssl, find_the_groups_of_tls13) {
  // In the order of the server, whatever it does with suites: so it asks for a retry.
  for (const bool server_order : {true, false}) {
    EXPECT_EQ(survey({.groups = "P-521:X448:ffdhe3072:X25519:ffdhe2048:P-256", .server_order = server_order}).groups,
              (Numbers{25, 30, 257, 29, 256, 23}));
  }
  EXPECT_EQ(survey({.groups = "P-384"}).groups, Numbers{24});
}

TEST(SurveysOfOpenssl, find_the_curves_before_tls13) {
  const SurveyResult result = survey({.newest = wire::kTls12,
                                      .suites = "ECDHE-RSA-AES128-GCM-SHA256",
                                      .groups = "P-256:X25519:brainpoolP384r1:secp256k1:P-521"});
  EXPECT_EQ(result.groups, (Numbers{22, 23, 25, 27, 29}));
  EXPECT_FALSE(result.incomplete);
}

}  // namespace
}  // namespace sonde::probes
