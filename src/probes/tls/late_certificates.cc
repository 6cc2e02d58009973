#include "probes/tls/late_certificates.h"

namespace sonde::probes {

LateCertificates::LateCertificates(x509::Desk& desk, const TlsFindings& found, std::optional<HandshakeProof> proof,
                                   CertificateView view)
    : desk_(desk), view_(std::move(view)) {
  x509::Question question;
  for (const std::span<const std::byte> der : found.chain) question.chain.add(der);
  question.ocsp = found.ocsp;
  question.sct_list = found.scts;
  question.now_s = view_.now_s;
  if (proof) {
    const x509::SignedBy signed_by = found.version == wire::kTls13   ? x509::SignedBy::kTls13
                                     : found.version == wire::kTls12 ? x509::SignedBy::kTls12
                                                                     : x509::SignedBy::kBeforeTls12;
    question.proof = x509::SignatureProof{.signed_by = signed_by,
                                          .scheme = proof->scheme,
                                          .content = std::move(proof->content),
                                          .signature = {proof->signature.begin(), proof->signature.end()}};
  }
  ticket_ = desk_.ask(std::move(question));
}

bool LateCertificates::ready() {
  if (desk_.look(ticket_) != nullptr) return true;
  desk_.poll();
  return desk_.look(ticket_) != nullptr;
}

void LateCertificates::fill(std::span<results::Value> values) {
  fill_certificates(*desk_.look(ticket_), view_, values);
}

}  // namespace sonde::probes
