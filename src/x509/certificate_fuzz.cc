#include "x509/certificate.h"

#include <cstdint>

#include "base/check.h"
#include "x509/host_match.h"
#include "x509/signature.h"

namespace {

// Any DER gives DNs that may be printed as they are.
void check_dn(const std::string& dn) {
  for (const char c : dn)
    SONDE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a DN holds a control character");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const sonde::x509::Certificate facts = sonde::x509::parse(bytes);
  SONDE_CHECK(facts.sha256.size() == 64, "the hash is always there");
  check_dn(facts.subject_dn);
  check_dn(facts.issuer_dn);
  for (const auto& date : {facts.not_before, facts.not_after})
    SONDE_CHECK(!date || sonde::x509::rfc3339(*date).size() == 20, "a date out of range");
  SONDE_CHECK(!sonde::x509::host_matches(facts, "a.example.com") || !facts.alt_names.empty(), "a match without a name");
  if (facts.error.empty())
    for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, size / 2})
      SONDE_CHECK(cut == 0 || !sonde::x509::parse(bytes.first(size - cut)).error.empty(), "a cut certificate is whole");
  (void)sonde::x509::check_signature(bytes, sonde::x509::SignedBy::kTls12, 0x0403, bytes, bytes);
  return 0;
}
