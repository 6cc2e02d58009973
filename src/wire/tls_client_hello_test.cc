// What the writer writes, read back by a strict reader and accepted by OpenSSL as a server.
#include "wire/tls_client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "wire/line.h"
#include "wire/tls_bytes.h"
#include "wire/tls_client_hello_reader.h"
#include "wire/tls_names.h"

namespace sonde::wire {
namespace {

using Numbers = std::vector<std::uint16_t>;

constexpr auto kSuites = std::to_array<std::uint16_t>({0x1301, 0xc02f, 0xc02b, 0x009c});
constexpr auto kGroups = std::to_array<std::uint16_t>({kX25519, kSecp256r1});
constexpr auto kSchemes = std::to_array<std::uint16_t>({0x0403, 0x0804, 0x0401});
constexpr auto kVersions = std::to_array<std::uint16_t>({kTls13, kTls12});

TEST(TlsClientHello, is_read_back_as_it_was_written) {
  const TlsBytes key(32, std::byte{9});
  const TlsBytes cookie(5, std::byte{7});
  const std::array shares = {TlsKeyShare{.group = kX25519, .key = key}};
  const std::array<std::string_view, 2> protocols = {"h2", "http/1.1"};
  TlsClientHello writer(kTls10, kTls12, kSuites);
  writer.server_name("example.test").groups(kGroups).signature_algorithms(kSchemes).supported_versions(kVersions);
  writer.key_shares(shares).alpn(protocols).cookie(cookie).point_formats().renegotiation_info().status_request();
  writer.psk_modes(1).compress_certificate().flag(kExtExtendedMasterSecret);
  TlsBytes random(32, std::byte{1});
  TlsBytes session_id(32, std::byte{2});
  writer.finish();
  writer.patch_nonces(std::span<const std::byte, 32>(random), std::span<const std::byte, 32>(session_id));
  const auto hello = read_client_hello(writer.finish());
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->record_version, kTls10);
  EXPECT_EQ(hello->legacy_version, kTls12);
  EXPECT_EQ(as_text(hello->random), as_text(random));
  EXPECT_EQ(as_text(hello->session_id), as_text(session_id));
  EXPECT_EQ(hello->ciphers, Numbers(kSuites.begin(), kSuites.end()));
  EXPECT_EQ(as_text(hello->compression), as_text(u8(0)));
  EXPECT_EQ(hello->server_name(), "example.test");
  EXPECT_EQ(hello->groups(), Numbers(kGroups.begin(), kGroups.end()));
  EXPECT_EQ(hello->numbers(kExtSignatureAlgorithms, 2), Numbers(kSchemes.begin(), kSchemes.end()));
  EXPECT_EQ(hello->versions(), Numbers(kVersions.begin(), kVersions.end()));
  EXPECT_EQ(as_text(*hello->find(kExtKeyShare)), as_text(vec(2, u16(kX25519) + vec(2, key))));
  EXPECT_EQ(as_text(*hello->find(kExtAlpn)), as_text(vec(2, vec(1, text("h2")) + vec(1, text("http/1.1")))));
  EXPECT_EQ(as_text(*hello->find(kExtCookie)), as_text(vec(2, cookie)));
  EXPECT_EQ(as_text(*hello->find(kExtPointFormats)), as_text(hex("01 00")));
  EXPECT_EQ(as_text(*hello->find(kExtRenegotiationInfo)), as_text(hex("00")));
  EXPECT_EQ(as_text(*hello->find(kExtStatusRequest)), as_text(hex("01 00 00 00 00")));
  EXPECT_EQ(as_text(*hello->find(kExtPskModes)), as_text(hex("01 01")));
  EXPECT_EQ(as_text(*hello->find(kExtCompressCertificate)), as_text(hex("06 00 02 00 01 00 03")));
  EXPECT_EQ(hello->extensions.front().type, kExtServerName) << "in the order of the calls";
  EXPECT_EQ(hello->extensions.back().type, kExtExtendedMasterSecret);
}

TEST(TlsClientHello, may_go_on_after_it_was_finished) {
  TlsClientHello writer(kTls10, kTls12, kSuites);
  EXPECT_EQ(read_client_hello(writer.finish())->extensions.size(), 0U);
  writer.point_formats();
  EXPECT_EQ(read_client_hello(writer.finish())->extensions.size(), 1U);
}

// The handshake message of 256 to 511 bytes is what some servers drop (RFC 7685, 3).
TEST(TlsClientHello, is_padded_out_of_the_range_that_servers_drop) {
  for (std::size_t filling = 0; filling < 600; ++filling) {
    TlsClientHello writer(kTls10, kTls12, kSuites);
    writer.raw(0x7777, TlsBytes(filling));
    const std::size_t before = writer.finish().size() - 5;
    writer.padding();
    const auto bytes = writer.finish();
    const std::size_t after = bytes.size() - 5;
    ASSERT_TRUE(read_client_hello(bytes)) << filling;
    if (before < 256 || before >= 512) {
      ASSERT_EQ(after, before);
    } else if (before <= 508) {
      ASSERT_EQ(after, 512U) << before;
    } else {
      ASSERT_EQ(after, before + 4) << "less than a header's room is filled with a header";
    }
  }
}

// An OpenSSL server, fed one hello; gives the first message it answers with, or nothing for an alert.
std::optional<TlsBytes> openssl_answers(std::span<const std::byte> hello) {
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_server_method()));
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  const std::unique_ptr<SSL, Free> ssl(SSL_new(context.get()));
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_accept_state(ssl.get());
  BIO_write(in, hello.data(), static_cast<int>(hello.size()));
  SSL_do_handshake(ssl.get());
  TlsBytes answer(BIO_ctrl_pending(out));
  BIO_read(out, answer.data(), static_cast<int>(answer.size()));
  const auto record = TlsRecordProcessor().parse(answer);
  if (record.kind != ParseResult<TlsRecord>::Kind::kFrame || record.frame.type != TlsContent::kHandshake)
    return std::nullopt;
  const auto message = TlsMessageProcessor(65536).parse(record.frame.fragment);
  return TlsBytes(message.frame.body.begin(), message.frame.body.end());
}

TEST(TlsClientHello, is_accepted_by_openssl_with_and_without_padding) {
  for (const std::uint16_t version : {kTls12, kTls13}) {
    for (const std::size_t filling : {0, 150, 400}) {
      TlsClientHello writer(kTls10, kTls12, kSuites);
      writer.server_name("example.test").groups(kGroups).signature_algorithms(kSchemes).point_formats();
      writer.renegotiation_info().status_request().flag(kExtExtendedMasterSecret);
      writer.raw(0x7777, TlsBytes(filling));
      if (version == kTls13) writer.supported_versions(kVersions).psk_modes(1).compress_certificate().key_shares({});
      writer.padding();
      const auto body = openssl_answers(writer.finish());
      ASSERT_TRUE(body) << filling;
      const auto hello = read_server_hello(*body);
      ASSERT_TRUE(hello);
      EXPECT_EQ(hello->version(), version);
      EXPECT_EQ(hello->is_hello_retry(), version == kTls13) << "no share was sent";
      EXPECT_EQ(hello->cipher, version == kTls13 ? 0x1301 : 0xc02b);
    }
  }
}

}  // namespace
}  // namespace sonde::wire
