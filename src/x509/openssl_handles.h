// Owners of libcrypto's objects, for the sources of this folder; no other header of it shows OpenSSL's types.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sonde::x509 {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using CertificateHandle = std::unique_ptr<X509, FreeWith<X509_free>>;
using AnyHandle = std::unique_ptr<ASN1_TYPE, FreeWith<ASN1_TYPE_free>>;
using TimeHandle = std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>>;
using AltNamesHandle = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using DigestHandle = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using StoreContextHandle = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;

inline const unsigned char* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline std::string_view octets_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// The reason of the last error that libcrypto noted on this thread; its notes are then gone.
std::string take_openssl_reason();

}  // namespace sonde::x509
