#include "x509/chain_facts.h"

#include "x509/verifier.h"

namespace sonde::x509 {

std::size_t ChainFacts::bytes() const {
  std::size_t sum = sizeof(*this) + verify_error.capacity();
  for (const Certificate& certificate : certificates) sum += certificate.bytes();
  return sum;
}

ChainFacts inspect(const Chain& chain, const Verifier* verifier, std::int64_t now_unix_s, bool keep_der) {
  ChainFacts facts;
  facts.sent = chain.sent();
  facts.made_at_s = now_unix_s;
  facts.certificates.reserve(chain.size());
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Certificate& certificate = facts.certificates.emplace_back(parse(chain[i]));
    if (keep_der) certificate.der.assign(chain[i].begin(), chain[i].end());
  }
  if (verifier != nullptr) {
    Verdict verdict = verifier->verify(chain, now_unix_s);
    facts.verified = verdict.verified;
    facts.verify_error = std::move(verdict.error);
  }
  return facts;
}

}  // namespace sonde::x509
