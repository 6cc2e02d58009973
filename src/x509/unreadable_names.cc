#include "x509/unreadable_names.h"

#include <openssl/asn1.h>

#include "x509/distinguished_name.h"

namespace sonde::x509 {

std::optional<TbsFields> tbs_fields(std::span<const std::byte> certificate_der) {
  const auto certificate = DerReader(certificate_der).next(kDerSequence);
  if (!certificate) return std::nullopt;
  const auto tbs = DerReader(certificate->content).next(kDerSequence);
  if (!tbs) return std::nullopt;
  DerReader fields(tbs->content);
  (void)fields.next(der_context(0));  // version
  TbsFields out;
  out.whole = *tbs;
  if (!(out.serial = fields.next(kDerInteger))) return out;
  if (!(out.algorithm = fields.next(kDerSequence))) return out;
  if (!(out.issuer = fields.next(kDerSequence))) return out;
  if (!(out.validity = fields.next(kDerSequence))) return out;
  out.subject = fields.next(kDerSequence);
  return out;
}

std::vector<std::byte> with_readable_names(std::span<const std::byte> certificate_der) {
  const std::optional<TbsFields> fields = tbs_fields(certificate_der);
  if (!fields) return {};
  std::vector<std::byte> out;
  for (const auto& name : {fields->issuer, fields->subject}) {
    if (!name) continue;
    for (const NameAttribute& attribute : name_attributes(name->content)) {
      if (is_readable(attribute.value)) continue;
      if (out.empty()) out.assign(certificate_der.begin(), certificate_der.end());
      out[static_cast<std::size_t>(attribute.value.whole.data() - certificate_der.data())] =
          std::byte{V_ASN1_T61STRING};
    }
  }
  return out;
}

}  // namespace sonde::x509
