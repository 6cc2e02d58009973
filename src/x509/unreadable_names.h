// Certificates that libcrypto refuses as a whole because of their names: UTF8Strings that are no UTF-8 (devices write
// Latin-1 there), BMPStrings of odd length and the like. Their other facts are worth having.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "x509/der.h"

namespace sonde::x509 {

// The elements of a TBSCertificate (RFC 5280 4.1) up to the subject; what is missing was malformed, or is behind it.
struct TbsFields {
  DerElement whole;
  std::optional<DerElement> serial;
  std::optional<DerElement> algorithm;
  std::optional<DerElement> issuer;
  std::optional<DerElement> validity;
  std::optional<DerElement> subject;
};

std::optional<TbsFields> tbs_fields(std::span<const std::byte> certificate_der);

// The certificate with the unreadable strings of issuer and subject declared as TeletexStrings, in which all bytes are
// text. Empty when there are none.
std::vector<std::byte> with_readable_names(std::span<const std::byte> certificate_der);

}  // namespace sonde::x509
