// Whether a chain leads to a trusted root, for a TLS server, at a given time. The host's name is no part of it
// (host_match.h). One Verifier serves any number of threads at once.
//
// The verdict is OpenSSL's with its default policy, as `openssl verify -purpose sslserver`: the rest of the sent chain
// is untrusted help in any order, a certificate file's non-roots do not end a chain, CRLs are not asked. Bounds: those
// of Chain; certificates over kMaxCertificateBytes or unreadable help nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "x509/chain.h"

struct x509_store_st;

namespace sonde::x509 {

struct Verdict {
  bool verified = false;
  std::string error;  // X509_verify_cert_error_string of what is wrong; empty when verified
};

class Verifier {
 public:
  // Trusts the PEM certificates of this file alone; empty: the system's default paths. The error names the file.
  static Parsed<Verifier> create(const std::string& ca_file);
  Verdict verify(const Chain& chain, std::int64_t now_unix_s) const;

 private:
  struct Free {
    void operator()(x509_store_st* store) const;
  };
  explicit Verifier(x509_store_st* store) : store_(store) {}
  std::unique_ptr<x509_store_st, Free> store_;
};

}  // namespace sonde::x509
