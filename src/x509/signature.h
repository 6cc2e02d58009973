// Whether the key of a certificate made a TLS handshake's signature. Any thread; a PublicKey may be used by several
// threads one after the other, not at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct evp_pkey_st;

namespace sonde::x509 {

// What was signed decides which schemes may have signed it.
enum class SignedBy : std::uint8_t {
  // CertificateVerify of TLS 1.3 (RFC 8446 4.2.3, 4.4.3): rsa_pss_rsae 0804..0806, rsa_pss_pss 0809..080b, ecdsa
  // 0403/0503/0603 each with its own curve, ed25519 0807, ed448 0808.
  kTls13,
  // ServerKeyExchange of TLS 1.2 (RFC 5246 7.4.1.4.1, RFC 8422, RFC 8446 4.2.3): those, ecdsa with any curve, and also
  // rsa_pkcs1, dsa and ecdsa with SHA-1 and SHA-224 (02xx, 03xx) and rsa_pkcs1, dsa with SHA-256 … 512.
  kTls12,
  // Before TLS 1.2 the key decides (RFC 4346 4.7): RSA over MD5+SHA1, ECDSA and DSA over SHA1. The scheme is 0.
  kBeforeTls12,
};

struct SignatureProof {
  SignedBy signed_by = SignedBy::kTls13;
  std::uint16_t scheme = 0;
  std::vector<std::byte> content;  // all that was signed, before hashing
  std::vector<std::byte> signature;
};

struct SignatureVerdict {
  bool ok = false;
  std::string error;  // why not; empty when ok
};

// The key of a certificate; empty when there is none that libcrypto knows.
class PublicKey {
 public:
  PublicKey() = default;
  static PublicKey of(std::span<const std::byte> certificate_der);
  explicit operator bool() const { return key_ != nullptr; }
  evp_pkey_st* get() const { return key_.get(); }

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  std::unique_ptr<evp_pkey_st, Free> key_;
};

SignatureVerdict check_signature(const PublicKey& key, SignedBy signed_by, std::uint16_t scheme,
                                 std::span<const std::byte> content, std::span<const std::byte> signature);

// The same, with the certificate's DER.
SignatureVerdict check_signature(std::span<const std::byte> certificate_der, SignedBy signed_by, std::uint16_t scheme,
                                 std::span<const std::byte> content, std::span<const std::byte> signature);

}  // namespace sonde::x509
