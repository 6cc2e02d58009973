// A Name of X.509 as text, from libcrypto's form of it or from its DER. Headers of libcrypto stay out: its type is only
// named.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "x509/der.h"

struct X509_name_st;

namespace sonde::x509 {

// RFC 4514, as `openssl x509 -nameopt RFC2253,utf8,-esc_msb` prints it, always valid UTF-8 and without control
// characters. Values that are no text (invalid UTF-8, surrogates) are written as '#' and the hex of their DER.
std::string dn_text(const X509_name_st* name);
std::string dn_text(std::span<const std::byte> rdn_sequence);  // the content of the Name's SEQUENCE

// The last common name as UTF-8 bytes, NUL and control characters included; the raw bytes when they are no text.
std::string common_name(const X509_name_st* name);
std::string common_name(std::span<const std::byte> rdn_sequence);

struct NameAttribute {
  DerElement type;  // the OID
  DerElement value;
  int set = 0;  // attributes of the same RelativeDistinguishedName have the same
};

// In order, up to the first that is malformed.
std::vector<NameAttribute> name_attributes(std::span<const std::byte> rdn_sequence);

// Whether the value is no string, or one whose bytes are text by its type.
bool is_readable(const DerElement& value);

}  // namespace sonde::x509
