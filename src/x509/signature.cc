#include "x509/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "x509/certificate.h"
#include "x509/openssl_handles.h"

namespace sonde::x509 {
namespace {

enum class Padding : std::uint8_t { kNone, kPkcs1, kPss };

// One row: a scheme, the key it needs, its hash, and whether TLS 1.3 knows it. `curve`: of ecdsa in TLS 1.3.
struct Scheme {
  std::uint16_t number;
  int key_id;
  const char* digest;  // null: the algorithm hashes by itself
  Padding padding;
  bool in_tls13;
  const char* curve = nullptr;
};

constexpr std::array kSchemes = {
    Scheme{0x0201, EVP_PKEY_RSA, "SHA1", Padding::kPkcs1, false},
    Scheme{0x0301, EVP_PKEY_RSA, "SHA224", Padding::kPkcs1, false},
    Scheme{0x0401, EVP_PKEY_RSA, "SHA256", Padding::kPkcs1, false},
    Scheme{0x0501, EVP_PKEY_RSA, "SHA384", Padding::kPkcs1, false},
    Scheme{0x0601, EVP_PKEY_RSA, "SHA512", Padding::kPkcs1, false},
    Scheme{0x0202, EVP_PKEY_DSA, "SHA1", Padding::kNone, false},
    Scheme{0x0302, EVP_PKEY_DSA, "SHA224", Padding::kNone, false},
    Scheme{0x0402, EVP_PKEY_DSA, "SHA256", Padding::kNone, false},
    Scheme{0x0502, EVP_PKEY_DSA, "SHA384", Padding::kNone, false},
    Scheme{0x0602, EVP_PKEY_DSA, "SHA512", Padding::kNone, false},
    Scheme{0x0203, EVP_PKEY_EC, "SHA1", Padding::kNone, false},
    Scheme{0x0303, EVP_PKEY_EC, "SHA224", Padding::kNone, false},
    Scheme{0x0403, EVP_PKEY_EC, "SHA256", Padding::kNone, true, "prime256v1"},
    Scheme{0x0503, EVP_PKEY_EC, "SHA384", Padding::kNone, true, "secp384r1"},
    Scheme{0x0603, EVP_PKEY_EC, "SHA512", Padding::kNone, true, "secp521r1"},
    Scheme{0x0804, EVP_PKEY_RSA, "SHA256", Padding::kPss, true},
    Scheme{0x0805, EVP_PKEY_RSA, "SHA384", Padding::kPss, true},
    Scheme{0x0806, EVP_PKEY_RSA, "SHA512", Padding::kPss, true},
    Scheme{0x0807, EVP_PKEY_ED25519, nullptr, Padding::kNone, true},
    Scheme{0x0808, EVP_PKEY_ED448, nullptr, Padding::kNone, true},
    Scheme{0x0809, EVP_PKEY_RSA_PSS, "SHA256", Padding::kPss, true},
    Scheme{0x080a, EVP_PKEY_RSA_PSS, "SHA384", Padding::kPss, true},
    Scheme{0x080b, EVP_PKEY_RSA_PSS, "SHA512", Padding::kPss, true},
};

constexpr std::array kBeforeTls12 = {
    Scheme{0, EVP_PKEY_RSA, "MD5-SHA1", Padding::kPkcs1, false},
    Scheme{0, EVP_PKEY_DSA, "SHA1", Padding::kNone, false},
    Scheme{0, EVP_PKEY_EC, "SHA1", Padding::kNone, false},
};

std::string scheme_text(std::uint16_t scheme) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "signature scheme 0x";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(scheme >> shift) & 15];
  return out;
}

SignatureVerdict refused(std::string why) { return {.ok = false, .error = std::move(why)}; }

bool has_curve(const EVP_PKEY* key, std::string_view curve) {
  std::array<char, 80> group{};
  std::size_t length = 0;
  return EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         std::string_view(group.data(), length) == curve;
}

SignatureVerdict verify(EVP_PKEY* key, const Scheme& scheme, std::span<const std::byte> content,
                        std::span<const std::byte> signature) {
  const DigestHandle digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;  // the digest's
  bool ready = EVP_DigestVerifyInit_ex(digest.get(), &context, scheme.digest, nullptr, nullptr, key, nullptr) == 1;
  if (ready && scheme.padding == Padding::kPss) {
    ready = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  if (!ready) return refused("the certificate's key cannot verify: " + take_openssl_reason());
  const int verdict =
      EVP_DigestVerify(digest.get(), octets(signature), signature.size(), octets(content), content.size());
  ERR_clear_error();
  return verdict == 1 ? SignatureVerdict{.ok = true} : refused("the handshake's signature does not match");
}

}  // namespace

void PublicKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

PublicKey PublicKey::of(std::span<const std::byte> certificate_der) {
  PublicKey key;
  if (certificate_der.size() > kMaxCertificateBytes) return key;
  const unsigned char* at = octets(certificate_der);
  const CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(certificate_der.size())));
  if (certificate) key.key_.reset(X509_get_pubkey(certificate.get()));
  ERR_clear_error();
  return key;
}

SignatureVerdict check_signature(const PublicKey& key, SignedBy signed_by, std::uint16_t scheme,
                                 std::span<const std::byte> content, std::span<const std::byte> signature) {
  if (!key) return refused("the certificate has no usable key");
  const int key_id = EVP_PKEY_get_base_id(key.get());
  if (signed_by == SignedBy::kBeforeTls12) {
    const auto* row = std::ranges::find(kBeforeTls12, key_id, &Scheme::key_id);
    if (scheme != 0 || row == kBeforeTls12.end()) return refused("the certificate's key signs nothing before TLS 1.2");
    return verify(key.get(), *row, content, signature);
  }
  const auto* row = std::ranges::find(kSchemes, scheme, &Scheme::number);
  if (row == kSchemes.end()) return refused(scheme_text(scheme) + " is not known");
  if (signed_by == SignedBy::kTls13 && !row->in_tls13) return refused(scheme_text(scheme) + " is not for TLS 1.3");
  const bool bound_to_curve = signed_by == SignedBy::kTls13 && row->curve != nullptr;
  if (row->key_id != key_id || (bound_to_curve && !has_curve(key.get(), row->curve)))
    return refused(scheme_text(scheme) + " does not fit the certificate's key");
  return verify(key.get(), *row, content, signature);
}

SignatureVerdict check_signature(std::span<const std::byte> certificate_der, SignedBy signed_by, std::uint16_t scheme,
                                 std::span<const std::byte> content, std::span<const std::byte> signature) {
  return check_signature(PublicKey::of(certificate_der), signed_by, scheme, content, signature);
}

}  // namespace sonde::x509
