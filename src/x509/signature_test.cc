#include "x509/signature.h"

#include <gtest/gtest.h>

#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

constexpr std::string_view kContent = "what the handshake signed";

struct Case {
  const char* key;
  std::uint16_t scheme;
  const char* digest;  // null: the key's own
  int padding;         // 0: none
  bool tls13;          // allowed there
  bool tls12;
};

const std::vector<Case>& cases() {
  constexpr int kPss = RSA_PKCS1_PSS_PADDING;
  constexpr int kPkcs1 = RSA_PKCS1_PADDING;
  static const std::vector<Case> table = {
      {"rsa", 0x0804, "SHA256", kPss, true, true},
      {"rsa", 0x0805, "SHA384", kPss, true, true},
      {"rsa", 0x0806, "SHA512", kPss, true, true},
      {"rsa-pss", 0x0809, "SHA256", kPss, true, true},
      {"rsa-pss", 0x080a, "SHA384", kPss, true, true},
      {"rsa-pss", 0x080b, "SHA512", kPss, true, true},
      {"p256", 0x0403, "SHA256", 0, true, true},
      {"p384", 0x0503, "SHA384", 0, true, true},
      {"p521", 0x0603, "SHA512", 0, true, true},
      {"p384", 0x0403, "SHA256", 0, false, true},  // TLS 1.3 binds the scheme to its curve
      {"p256", 0x0603, "SHA512", 0, false, true},
      {"ed25519", 0x0807, nullptr, 0, true, true},
      {"ed448", 0x0808, nullptr, 0, true, true},
      {"rsa", 0x0201, "SHA1", kPkcs1, false, true},
      {"rsa", 0x0301, "SHA224", kPkcs1, false, true},
      {"rsa", 0x0401, "SHA256", kPkcs1, false, true},
      {"rsa", 0x0501, "SHA384", kPkcs1, false, true},
      {"rsa", 0x0601, "SHA512", kPkcs1, false, true},
      {"p256", 0x0203, "SHA1", 0, false, true},
      {"p521", 0x0203, "SHA1", 0, false, true},
      {"dsa", 0x0202, "SHA1", 0, false, true},
      {"dsa", 0x0402, "SHA256", 0, false, true},
  };
  return table;
}

zoo::Der certificate_with(const char* key) { return zoo::make({.key = key}).der; }

TEST(Signature, each_scheme_holds_where_its_version_allows_it) {
  const zoo::Der content = zoo::bytes_of(kContent);
  for (const Case& each : cases()) {
    SCOPED_TRACE(testing::Message() << each.key << " 0x" << std::hex << each.scheme);
    const zoo::Der signature = zoo::sign(zoo::key_of(each.key), each.digest, each.padding, kContent);
    const zoo::Der leaf = certificate_with(each.key);
    const SignatureVerdict in_13 = check_signature(leaf, SignedBy::kTls13, each.scheme, content, signature);
    EXPECT_EQ(in_13.ok, each.tls13) << in_13.error;
    EXPECT_EQ(in_13.error.empty(), each.tls13);
    const SignatureVerdict in_12 = check_signature(leaf, SignedBy::kTls12, each.scheme, content, signature);
    EXPECT_EQ(in_12.ok, each.tls12) << in_12.error;
  }
}

TEST(Signature, a_changed_bit_anywhere_fails) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(testing::Message() << each.key << " 0x" << std::hex << each.scheme);
    const zoo::Der leaf = certificate_with(each.key);
    zoo::Der signature = zoo::sign(zoo::key_of(each.key), each.digest, each.padding, kContent);
    zoo::Der content = zoo::bytes_of(kContent);
    content[3] ^= std::byte{1};
    const SignatureVerdict other_content = check_signature(leaf, SignedBy::kTls12, each.scheme, content, signature);
    EXPECT_EQ(other_content.error, "the handshake's signature does not match");
    content[3] ^= std::byte{1};
    signature[signature.size() / 2] ^= std::byte{1};
    EXPECT_FALSE(check_signature(leaf, SignedBy::kTls12, each.scheme, content, signature).ok);
    EXPECT_FALSE(check_signature(leaf, SignedBy::kTls12, each.scheme, content, {}).ok);
  }
}

TEST(Signature, a_scheme_that_does_not_fit_the_key_is_refused) {
  const zoo::Der content = zoo::bytes_of(kContent);
  const auto error = [&](const char* key, SignedBy signed_by, std::uint16_t scheme) {
    return check_signature(certificate_with(key), signed_by, scheme, content, content).error;
  };
  EXPECT_EQ(error("rsa", SignedBy::kTls13, 0x0403), "signature scheme 0x0403 does not fit the certificate's key");
  EXPECT_EQ(error("p384", SignedBy::kTls13, 0x0403), "signature scheme 0x0403 does not fit the certificate's key");
  EXPECT_EQ(error("rsa", SignedBy::kTls13, 0x0809), "signature scheme 0x0809 does not fit the certificate's key");
  EXPECT_EQ(error("rsa-pss", SignedBy::kTls13, 0x0804), "signature scheme 0x0804 does not fit the certificate's key");
  EXPECT_EQ(error("rsa", SignedBy::kTls13, 0x0401), "signature scheme 0x0401 is not for TLS 1.3");
  EXPECT_EQ(error("rsa", SignedBy::kTls12, 0x0101), "signature scheme 0x0101 is not known");
  EXPECT_EQ(error("rsa", SignedBy::kTls12, 0), "signature scheme 0x0000 is not known");
}

TEST(Signature, before_tls_1_2_the_key_decides) {
  const zoo::Der content = zoo::bytes_of(kContent);
  for (const auto& [key, digest, padding] : {std::tuple{"rsa", "MD5-SHA1", RSA_PKCS1_PADDING},
                                             std::tuple{"p256", "SHA1", 0}, std::tuple{"dsa", "SHA1", 0}}) {
    SCOPED_TRACE(key);
    zoo::Der signature = zoo::sign(zoo::key_of(key), digest, padding, kContent);
    EXPECT_TRUE(check_signature(certificate_with(key), SignedBy::kBeforeTls12, 0, content, signature).ok);
    EXPECT_FALSE(check_signature(certificate_with(key), SignedBy::kBeforeTls12, 0x0401, content, signature).ok);
    signature.back() ^= std::byte{1};
    EXPECT_FALSE(check_signature(certificate_with(key), SignedBy::kBeforeTls12, 0, content, signature).ok);
  }
  EXPECT_FALSE(check_signature(certificate_with("ed25519"), SignedBy::kBeforeTls12, 0, content, content).ok);
}

TEST(Signature, without_a_key_nothing_holds) {
  const SignatureVerdict verdict = check_signature(zoo::bytes_of("garbage"), SignedBy::kTls13, 0x0403, {}, {});
  EXPECT_FALSE(verdict.ok);
  EXPECT_EQ(verdict.error, "the certificate has no usable key");
}

}  // namespace
}  // namespace sonde::x509
