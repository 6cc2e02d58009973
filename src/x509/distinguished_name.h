// A Name of X.509 as text. Headers of libcrypto stay out: its type is only named.
#pragma once

#include <string>

struct X509_name_st;

namespace sonde::x509 {

// RFC 4514, as `openssl x509 -nameopt RFC2253,utf8,-esc_msb` prints it, always valid UTF-8 and without control
// characters. Values that are no text (invalid UTF-8, surrogates) are written as '#' and the hex of their DER.
std::string dn_text(const X509_name_st* name);

// The last common name as UTF-8 bytes, NUL and control characters included; the raw bytes when they are no text.
std::string common_name(const X509_name_st* name);

}  // namespace sonde::x509
