// Rules of the tls probe beyond one verdict: what is paid for, what is proven, when it ends.
#include <gtest/gtest.h>

#include "probes/tls/crafted_server.h"
#include "probes/tls/drive.h"
#include "probes/tls/lean_handshake.h"
#include "results/outcome.h"
#include "tls/memory_server.h"
#include "wire/line.h"
#include "x509/chain.h"

namespace sonde::probes {
namespace {

using namespace crafted;  // NOLINT(google-build-using-namespace): the words of this file
using results::Outcome;
using wire::TlsMessageType;

TEST(TlsProbe, a_chain_of_a_thousand_is_told_up_to_its_bound) {
  Ready lean(Ready::Options{{"tls-engine", "lean"}});
  Driven probe(lean);
  probe.connect();
  probe.hear(plain_flight({}, text_der(), 1000));
  ASSERT_TRUE(probe.is_done());
  const std::string chain = std::get<results::Json>(probe.values()[static_cast<std::size_t>(TlsField::kChain)]).text;
  std::size_t entries = 0;
  for (std::size_t at = 0; (at = chain.find("\"sha256\"", at)) != std::string::npos; ++at) ++entries;
  EXPECT_EQ(entries, x509::kMaxChainCertificates - 1);
}

// A server that says little must cost little, whatever it announces.
TEST(TlsProbe, a_record_that_is_announced_is_not_paid_for_in_advance) {
  memory::RingPool pool(std::size_t{256} << 10);
  const auto keys = std::move(*TlsKeys::create());
  LeanHellos hellos({}, *keys);
  LeanWorkshop shop{.keys = *keys, .hellos = hellos, .pool = pool, .server_name = {}};
  LeanHandshake handshake(1, false);
  (void)handshake.start(shop);
  (void)handshake.on_bytes(shop, hex("1603034000"));
  EXPECT_EQ(pool.stats().in_use, 1U);
  EXPECT_EQ(pool.stats().from_heap, 0U);
  (void)handshake.on_bytes(shop, TlsBytes(100));
  EXPECT_EQ(pool.stats().from_heap, 0U);
}

TEST(TlsProbe, behind_its_verdict_nothing_is_looked_at) {
  memory::RingPool pool(std::size_t{256} << 10);
  const auto keys = std::move(*TlsKeys::create());
  LeanHellos hellos({}, *keys);
  LeanWorkshop shop{.keys = *keys, .hellos = hellos, .pool = pool, .server_name = {}};
  LeanHandshake handshake(1, false);
  (void)handshake.start(shop);
  EXPECT_EQ(handshake.on_bytes(shop, alert(2, 40)).kind, LeanHandshake::Progress::Kind::kFailed);
  EXPECT_EQ(handshake.on_bytes(shop, plain_flight()).kind, LeanHandshake::Progress::Kind::kMore);
  EXPECT_TRUE(handshake.findings().chain.empty());
  EXPECT_EQ(pool.stats().in_use, 0U);
}

// RFC 8446, 4.4.3: without CertificateVerify anybody may send anybody's certificate.
TEST(TlsProbe, what_did_not_prove_its_key_is_never_verified) {
  const tls::MemoryServer server({.max_version = wire::kTls12});
  Ready verifying(Ready::Options{{"tls-engine", "lean"}, {"verify", "true"}});
  Driven probe(verifying);
  probe.connect();
  TlsBytes said = tls::MemoryConnection(server).hear(probe.sent);
  said.resize(said.size() - 9 - 20);  // without ServerHelloDone, and within the signature before it
  probe.hear(said);
  probe.fin();
  EXPECT_EQ(probe.outcome(), Outcome::kClosed);
  EXPECT_EQ(probe.flag(TlsField::kVerified), false);
  Driven malformed(verifying);
  malformed.connect();
  Server13 tls13(malformed.sent);
  malformed.hear(tls13.flight(encrypted_extensions() + certificate(wire::text(server.identity.der()), 1, true) +
                              message(TlsMessageType::kCertificateVerify, {})));
  ASSERT_TRUE(malformed.is_done());
  EXPECT_EQ(malformed.outcome(), Outcome::kTlsError);
  EXPECT_EQ(malformed.error, "malformed CertificateVerify");
}

TEST(TlsProbe, a_dialogue_that_is_refused_later_ends_a_survey_soon) {
  Ready surveying(Ready::Options{{"tls-engine", "lean"}, {"starttls", "smtp"}, {"enumerate", "versions"}});
  Driven probe(surveying);
  probe.connect();
  probe.hear(wire::text("220 mail\r\n"));
  probe.hear(wire::text("250-mail\r\n250 STARTTLS\r\n"));
  probe.hear(wire::text("220 go on\r\n"));
  probe.hear(plain_flight());
  while (probe.step.kind == engine::Step::Kind::kReconnect && probe.connections < 100) {
    probe.connect();
    probe.hear(wire::text("421 too many connections\r\n"));
    if (probe.is_open()) probe.fin();
  }
  EXPECT_TRUE(probe.is_done());
  EXPECT_LT(probe.connections, 50U);
  EXPECT_EQ(probe.outcome(), Outcome::kSuccess);
}

TEST(TlsProbe, surveys_of_a_server_that_hangs_now_and_then_end_and_say_so) {
  Ready surveying(Ready::Options{{"tls-engine", "lean"}, {"enumerate", "ciphers"}});
  Driven probe(surveying);
  probe.connect();
  const Nanos began = probe.now();
  probe.hear(plain_flight());
  while (probe.step.kind == engine::Step::Kind::kReconnect && probe.connections < 512) {
    probe.connect();
    if (!probe.is_open()) break;
    if (probe.connections % 2 == 0) {
      probe.hear(plain_flight());
    } else {
      probe.silence();
    }
  }
  ASSERT_TRUE(probe.is_done());
  EXPECT_LE(probe.now() - began, 126 * kSecond);
  EXPECT_EQ(probe.outcome(), Outcome::kSuccess) << "the handshake was one";
  EXPECT_EQ(probe.flag(TlsField::kEnumerationIncomplete), true);
}

}  // namespace
}  // namespace sonde::probes
