// Certificates made to order, for tests and benchmarks: every kind of key and extension, hostile names, whole chains.
// Made with libcrypto at run time; nothing expires and no private key lies in the repository.
#pragma once

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "x509/openssl_handles.h"

namespace sonde::x509::zoo {

using Key = std::shared_ptr<EVP_PKEY>;
using Der = std::vector<std::byte>;

// rsa, rsa-pss, p256, p384, p521, secp256k1, ed25519, ed448, dsa. One of each is made a process: keys are dear.
inline Key key_of(const std::string& kind) {
  static std::vector<std::pair<std::string, Key>> made;
  for (const auto& [name, key] : made)
    if (name == kind) return key;
  EVP_PKEY* key = nullptr;
  const auto kept = std::array<std::pair<std::string_view, const char*>, 4>{
      {{"p256", "P-256"}, {"p384", "P-384"}, {"p521", "P-521"}, {"secp256k1", "secp256k1"}}};
  for (const auto& [name, curve] : kept)
    if (name == kind) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve);
  if (kind == "rsa") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  if (kind == "rsa-pss") {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_keygen(context, &key);
    EVP_PKEY_CTX_free(context);
  }
  if (kind == "ed25519") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (kind == "ed448") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
  if (kind == "dsa") {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr);
    EVP_PKEY* parameters = nullptr;
    EVP_PKEY_paramgen_init(context);
    EVP_PKEY_CTX_set_dsa_paramgen_bits(context, 1024);
    EVP_PKEY_paramgen(context, &parameters);
    EVP_PKEY_CTX_free(context);
    context = EVP_PKEY_CTX_new(parameters, nullptr);
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_keygen(context, &key);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(parameters);
  }
  SONDE_CHECK(key != nullptr, "no such kind of key");
  made.emplace_back(kind, Key(key, EVP_PKEY_free));
  return made.back().second;
}

struct Attribute {
  const char* field = "CN";
  std::string value;
  int type = V_ASN1_UTF8STRING;
  bool same_set = false;  // as the one before
};

struct Recipe {
  std::vector<Attribute> subject = {{"CN", "zoo.example.com"}};
  std::string key = "p256";
  std::string serial = "0a1b2c";  // hex, may be negative
  std::string not_before = "20200101000000Z";
  std::string not_after = "20991231235959Z";
  std::vector<std::pair<int, std::string>> alt_names;  // GEN_DNS …, bytes
  bool ca = false;
  std::string scts;  // the value of the SCT extension; empty: none
};

struct Made {
  Der der;
  Key key;
  std::shared_ptr<X509> certificate;
};

inline Der bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline void add_alt_names(X509* certificate, const Recipe& recipe) {
  const AltNamesHandle names(GENERAL_NAMES_new());
  for (const auto& [kind, bytes] : recipe.alt_names) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING* text = ASN1_STRING_type_new(kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME_set0_value(name, kind, text);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT);
}

// Signed by `issuer`, or by itself.
inline Made make(const Recipe& recipe, const Made* issuer = nullptr) {
  Made made;
  made.key = key_of(recipe.key);
  made.certificate = std::shared_ptr<X509>(X509_new(), X509_free);
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  BIGNUM* serial = nullptr;
  BN_hex2bn(&serial, recipe.serial.c_str());
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
  BN_free(serial);
  ASN1_TIME_set_string(X509_getm_notBefore(certificate), recipe.not_before.c_str());
  ASN1_TIME_set_string(X509_getm_notAfter(certificate), recipe.not_after.c_str());
  X509_NAME* name = X509_get_subject_name(certificate);
  for (const Attribute& attribute : recipe.subject)
    X509_NAME_add_entry_by_txt(name, attribute.field, attribute.type,
                               reinterpret_cast<const unsigned char*>(attribute.value.data()),
                               static_cast<int>(attribute.value.size()), -1, attribute.same_set ? -1 : 0);
  X509_set_issuer_name(certificate, issuer != nullptr ? X509_get_subject_name(issuer->certificate.get()) : name);
  X509_set_pubkey(certificate, made.key.get());
  if (!recipe.alt_names.empty()) add_alt_names(certificate, recipe);
  if (recipe.ca) {
    const std::unique_ptr<BASIC_CONSTRAINTS, FreeWith<BASIC_CONSTRAINTS_free>> constraints(BASIC_CONSTRAINTS_new());
    constraints->ca = 1;
    X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, X509V3_ADD_DEFAULT);
  }
  if (!recipe.scts.empty()) {
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(recipe.scts.data()),
                          static_cast<int>(recipe.scts.size()));
    X509_EXTENSION* extension = X509_EXTENSION_create_by_NID(nullptr, NID_ct_precert_scts, 0, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
  }
  EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : made.key.get();
  const int signer_id = EVP_PKEY_get_base_id(signer);
  const bool hashes_itself = signer_id == EVP_PKEY_ED25519 || signer_id == EVP_PKEY_ED448;
  SONDE_CHECK(X509_sign(certificate, signer, hashes_itself ? nullptr : EVP_sha256()) > 0, "signing fails");
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  SONDE_CHECK(size > 0, "no DER");
  made.der = bytes_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return made;
}

// Root, intermediate, leaf for `host`.
struct Family {
  Made root;
  Made intermediate;
  Made leaf;
};

inline Family family(const std::string& host = "www.example.com") {
  Family out;
  out.root = make({.subject = {{"CN", "Zoo Root"}}, .key = "rsa", .ca = true});
  out.intermediate = make({.subject = {{"CN", "Zoo Intermediate"}}, .key = "p384", .ca = true}, &out.root);
  out.leaf = make({.subject = {{"CN", host}}, .key = "p256", .alt_names = {{GEN_DNS, host}}}, &out.intermediate);
  return out;
}

// A signature of the zoo's keys over content, with the digest and RSA padding named.
inline Der sign(const Key& key, const char* digest, int rsa_padding, std::string_view content) {
  const DigestHandle context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  SONDE_CHECK(EVP_DigestSignInit_ex(context.get(), &key_context, digest, nullptr, nullptr, key.get(), nullptr) == 1,
              "the key does not sign so");
  if (rsa_padding != 0) EVP_PKEY_CTX_set_rsa_padding(key_context, rsa_padding);
  if (rsa_padding == RSA_PKCS1_PSS_PADDING) EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST);
  const auto* data = reinterpret_cast<const unsigned char*>(content.data());
  std::size_t size = 0;
  EVP_DigestSign(context.get(), nullptr, &size, data, content.size());
  Der signature(size);
  SONDE_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                             content.size()) == 1,
              "signing fails");
  signature.resize(size);
  return signature;
}

}  // namespace sonde::x509::zoo
