#include "x509/verifier.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "os/fd.h"
#include "x509/certificate.h"
#include "x509/openssl_handles.h"

namespace sonde::x509 {
namespace {

constexpr std::size_t kMaxCaFileBytes = 16 << 20;

using CertificateStack = STACK_OF(X509);
struct FreeStack {
  void operator()(CertificateStack* stack) const { sk_X509_pop_free(stack, X509_free); }
};

CertificateHandle decode(std::span<const std::byte> der) {
  if (der.size() > kMaxCertificateBytes) return nullptr;
  const unsigned char* at = octets(der);
  CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return certificate;
}

Parsed<> load_file(X509_STORE* store, const std::string& path) {
  const Result<std::string> text = os::read_file(path, kMaxCaFileBytes);
  if (!text) {
    if (text.error().kind == ErrorKind::kNoSpace && text.error().sys == 0)
      return input_error("'" + path + "': larger than a file of certificates may be (16 MiB)");
    return input_error("cannot read '" + path + "': " + std::strerror(text.error().sys));
  }
  const BioHandle bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  for (int count = 0;; ++count) {
    // TRUSTED CERTIFICATE blocks too, as OpenSSL's own files have them; other blocks between are passed over.
    const CertificateHandle certificate(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (certificate) {
      X509_STORE_add_cert(store, certificate.get());
      continue;
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_openssl_reason();
    const std::string quoted = "'" + path + "'";
    if (!at_end) {
      std::string line = quoted + ": certificate ";
      line += std::to_string(count + 1) + ": " + reason;
      return input_error(std::move(line));
    }
    if (count == 0) return input_error(quoted + " has no PEM certificate");
    return {};
  }
}

}  // namespace

void Verifier::Free::operator()(x509_store_st* store) const { X509_STORE_free(store); }

Parsed<Verifier> Verifier::create(const std::string& ca_file) {
  Verifier verifier(X509_STORE_new());
  SONDE_CHECK(verifier.store_ != nullptr, "libcrypto has no memory");
  if (ca_file.empty()) {
    // Missing default files are no error: then nothing is trusted, and every verdict says so.
    X509_STORE_set_default_paths(verifier.store_.get());
    ERR_clear_error();
  } else if (Parsed<> loaded = load_file(verifier.store_.get(), ca_file); !loaded) {
    return std::unexpected(loaded.error());
  }
  return verifier;
}

Verdict Verifier::verify(const Chain& chain, std::int64_t now_unix_s) const {
  if (chain.size() == 0) return {.error = "no certificate"};
  const CertificateHandle leaf = decode(chain[0]);
  if (!leaf) {
    ERR_clear_error();
    return {.error = "the certificate is not readable"};
  }
  const std::unique_ptr<CertificateStack, FreeStack> rest(sk_X509_new_null());
  const StoreContextHandle context(X509_STORE_CTX_new());
  SONDE_CHECK(rest && context, "libcrypto has no memory");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    CertificateHandle certificate = decode(chain[i]);
    if (certificate && sk_X509_push(rest.get(), certificate.get()) > 0) (void)certificate.release();
  }
  Verdict verdict;
  if (X509_STORE_CTX_init(context.get(), store_.get(), leaf.get(), rest.get()) == 1 &&
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER) == 1) {
    X509_STORE_CTX_set_time(context.get(), 0, now_unix_s);
    verdict.verified = X509_verify_cert(context.get()) == 1;
  }
  if (!verdict.verified) {
    const int error = X509_STORE_CTX_get_error(context.get());
    verdict.error = X509_verify_cert_error_string(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
  }
  ERR_clear_error();
  return verdict;
}

}  // namespace sonde::x509
