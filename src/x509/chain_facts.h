// What there is to know about one distinct chain, made once and then only read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "x509/certificate.h"
#include "x509/chain.h"

namespace sonde::x509 {

class Verifier;

struct ChainFacts {
  std::vector<Certificate> certificates;  // leaf first, as sent; at most kMaxChainCertificates
  std::size_t sent = 0;                   // how many were sent
  bool verified = false;
  std::string verify_error;    // why not; empty also when nothing was verified
  std::int64_t made_at_s = 0;  // the time that the verdict is for
  std::size_t bytes() const;   // about, for a cache's bound
};

// `verifier` null: the chain is not verified. `keep_der`: Certificate::der is filled.
ChainFacts inspect(const Chain& chain, const Verifier* verifier, std::int64_t now_unix_s, bool keep_der);

}  // namespace sonde::x509
