#include "probes/tls/lean_handshake.h"

#include <gtest/gtest.h>

#include "tls/memory_server.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using Kind = LeanHandshake::Progress::Kind;
using results::Outcome;
using tls::MemoryConnection;
using tls::MemoryServer;

// A worker and one handshake of it.
class Lean {
 public:
  explicit Lean(HelloOffer offer = {}, bool with_proof = false, std::string server_name = "test.example")
      : keys_(std::move(*TlsKeys::create())),
        hellos_(std::move(offer), *keys_),
        server_name_(std::move(server_name)),
        handshake_(42, with_proof) {}

  LeanWorkshop shop() { return {.keys = *keys_, .hellos = hellos_, .pool = pool_, .server_name = server_name_}; }
  std::vector<std::byte> start() {
    LeanWorkshop lent = shop();
    const auto bytes = handshake_.start(lent);
    return {bytes.begin(), bytes.end()};
  }
  // Gives the bytes in pieces of `step`; what is to be sent goes to `sent`.
  LeanHandshake::Progress hear(std::span<const std::byte> bytes, std::size_t step = SIZE_MAX) {
    LeanHandshake::Progress progress;
    LeanWorkshop lent = shop();
    sent.clear();
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(step, bytes.size()));
      bytes = bytes.subspan(piece.size());
      progress = handshake_.on_bytes(lent, piece);
      if (progress.kind == Kind::kSend) sent.assign(progress.bytes.begin(), progress.bytes.end());
      if (progress.kind == Kind::kDone || progress.kind == Kind::kFailed) return progress;
    }
    return progress;
  }
  // A whole dialogue.
  LeanHandshake::Progress against(MemoryConnection& server, std::size_t step = SIZE_MAX) {
    sent = start();
    for (int turns = 0; turns < 4 && !sent.empty(); ++turns) {
      const std::vector<std::byte> answer = server.hear(sent);
      last = hear(answer, step);
      if (last.kind == Kind::kDone || last.kind == Kind::kFailed) break;
    }
    return last;
  }
  TlsFindings findings() const { return handshake_.findings(); }
  LeanHandshake& handshake() { return handshake_; }
  std::uint64_t leases() const { return pool_.stats().in_use; }

  std::vector<std::byte> sent;
  LeanHandshake::Progress last;

 private:
  memory::RingPool pool_{std::size_t{256} << 10};
  std::unique_ptr<TlsKeys> keys_;
  LeanHellos hellos_;
  std::string server_name_;
  LeanHandshake handshake_;
};

TEST(LeanHandshake, gets_the_certificate_of_every_version_and_suite) {
  struct Case {
    std::uint16_t version;
    const char *ciphers, *suites13;
    std::uint16_t cipher;
  };
  for (const Case& c : {Case{wire::kTls13, "ALL", "TLS_AES_128_GCM_SHA256", 0x1301},
                        Case{wire::kTls13, "ALL", "TLS_AES_256_GCM_SHA384", 0x1302},
                        Case{wire::kTls13, "ALL", "TLS_CHACHA20_POLY1305_SHA256", 0x1303},
                        Case{wire::kTls12, "ECDHE-ECDSA-AES128-GCM-SHA256", "", 0xc02b},
                        Case{wire::kTls11, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "", 0xc009},
                        Case{wire::kTls10, "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0", "", 0xc00a}}) {
    const MemoryServer server({.min_version = c.version,
                               .max_version = c.version,
                               .ciphers = c.ciphers,
                               .suites13 = c.suites13,
                               .alpn = "http/1.1"});
    MemoryConnection peer(server);
    Lean lean;
    EXPECT_EQ(lean.against(peer).kind, Kind::kDone) << c.version << " " << lean.last.error;
    const TlsFindings found = lean.findings();
    EXPECT_EQ(found.version, c.version);
    EXPECT_EQ(found.cipher, c.cipher);
    EXPECT_EQ(found.group, wire::kX25519);
    EXPECT_EQ(found.alpn, "http/1.1");
    EXPECT_EQ(found.client_cert_requested, false);
    EXPECT_EQ(found.ocsp_stapled, false);
    EXPECT_EQ(found.hello_retry, false);
    ASSERT_EQ(found.chain.size(), 2U);
    EXPECT_EQ(wire::as_text(found.chain[0]), server.identity.der());
    EXPECT_EQ(wire::as_text(found.chain[1]), server.ca.der());
  }
}

TEST(LeanHandshake, answers_a_hello_retry_for_p256_and_p384) {
  for (const auto& [groups, group] : {std::pair{"P-256", wire::kSecp256r1}, std::pair{"P-384", wire::kSecp384r1}}) {
    const MemoryServer server({.groups = groups});
    MemoryConnection peer(server);
    Lean lean;
    EXPECT_EQ(lean.against(peer).kind, Kind::kDone) << lean.last.error;
    EXPECT_EQ(lean.findings().group, group);
    EXPECT_EQ(lean.findings().hello_retry, true);
    ASSERT_EQ(lean.findings().chain.size(), 2U);
  }
}

TEST(LeanHandshake, any_cutting_gives_the_same_findings) {
  for (const std::uint16_t version : {wire::kTls12, wire::kTls13}) {
    const MemoryServer server({.min_version = version, .max_version = version, .issuers = 4, .groups = "P-256"});
    for (const std::size_t step : {1, 2, 3, 5, 7, 100, 1000}) {
      MemoryConnection peer(server);
      Lean lean;
      EXPECT_EQ(lean.against(peer, step).kind, Kind::kDone) << lean.last.error;
      EXPECT_EQ(lean.findings().version, version);
      EXPECT_EQ(lean.findings().chain.size(), 5U);
    }
  }
}

TEST(LeanHandshake, a_demand_for_a_client_certificate_does_not_spoil_it) {
  for (const std::uint16_t version : {wire::kTls12, wire::kTls13}) {
    const MemoryServer server(
        {.min_version = version, .max_version = version, .verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT});
    MemoryConnection peer(server);
    Lean lean;
    EXPECT_EQ(lean.against(peer).kind, Kind::kDone) << lean.last.error;
    EXPECT_EQ(lean.findings().client_cert_requested, true);
    EXPECT_EQ(lean.findings().chain.size(), 2U);
  }
}

TEST(LeanHandshake, leaves_with_a_close_notify_that_the_server_understands) {
  for (const std::uint16_t version : {wire::kTls12, wire::kTls13}) {
    const MemoryServer server({.min_version = version, .max_version = version});
    MemoryConnection peer(server);
    Lean lean;
    ASSERT_EQ(lean.against(peer).kind, Kind::kDone);
    LeanWorkshop shop = lean.shop();
    const auto farewell = lean.handshake().farewell(shop);
    ASSERT_FALSE(farewell.empty());
    peer.feed(farewell);
    EXPECT_TRUE(peer.closed_by_peer) << version;
    EXPECT_TRUE(lean.handshake().farewell(shop).empty()) << "once";
  }
}

TEST(LeanHandshake, an_alert_of_the_server_is_told) {
  const MemoryServer server({.max_version = wire::kTls12, .ciphers = "PSK"});
  MemoryConnection peer(server);
  Lean lean;
  EXPECT_EQ(lean.against(peer).outcome, Outcome::kTlsError);
  EXPECT_EQ(lean.findings().alert, 40);
  LeanWorkshop shop = lean.shop();
  EXPECT_TRUE(lean.handshake().farewell(shop).empty());
}

TEST(LeanHandshake, what_is_no_tls_is_named_by_its_first_byte) {
  for (const std::string_view said : {"HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-x\r\n", "\x16\x09garbage"}) {
    for (const std::size_t step : {1, 100}) {
      Lean lean;
      (void)lean.start();
      const auto progress = lean.hear(wire::as_bytes(said), step);
      EXPECT_EQ(progress.outcome, Outcome::kProtocolError);
      LeanWorkshop shop = lean.shop();
      EXPECT_TRUE(lean.handshake().farewell(shop).empty());
    }
  }
}

TEST(LeanHandshake, holds_no_buffer_while_the_server_is_silent) {
  Lean lean;
  (void)lean.start();
  EXPECT_EQ(lean.leases(), 0U);
  EXPECT_LE(sizeof(LeanHandshake), 480U);
}

TEST(LeanHandshake, a_signature_over_the_handshake_comes_with_its_content) {
  for (const std::uint16_t version : {wire::kTls12, wire::kTls13}) {
    const MemoryServer server({.min_version = version, .max_version = version, .groups = "P-256"});
    MemoryConnection peer(server);
    Lean lean({}, true);
    ASSERT_EQ(lean.against(peer).kind, Kind::kDone) << lean.last.error;
    LeanWorkshop shop = lean.shop();
    const auto proof = lean.handshake().proof(shop);
    ASSERT_TRUE(proof);
    const auto* der = reinterpret_cast<const unsigned char*>(lean.findings().chain[0].data());
    X509* certificate = d2i_X509(nullptr, &der, static_cast<long>(lean.findings().chain[0].size()));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, X509_get0_pubkey(certificate));
    EXPECT_EQ(EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(proof->signature.data()),
                               proof->signature.size(), reinterpret_cast<const unsigned char*>(proof->content.data()),
                               proof->content.size()),
              1)
        << version;
    EVP_MD_CTX_free(context);
    X509_free(certificate);
  }
}

}  // namespace
}  // namespace sonde::probes
