// Whether a certificate is for a host, after RFC 6125 and RFC 9525. Pure; any thread. The host is a DNS name in
// A-labels or an address in text (no brackets). The rules:
//  - an address matches an iPAddress name of the same octets, and nothing else;
//  - a DNS name matches a dNSName case-insensitively (ASCII); one trailing dot on either side does not count;
//  - `*` stands for the whole left-most label and for exactly one label, and at least two labels must follow it
//    (`*.example.com`, never `*.com`), which is OpenSSL's rule too; there are no partial wildcards (`f*o.example.com`);
//  - a common name alone never matches;
//  - a host that is not made of letters, digits, '-', '_' and dots (NUL, empty labels, over 253 bytes) never matches,
//    nor a name of a certificate that is not.
#pragma once

#include <string_view>

#include "x509/certificate.h"

namespace sonde::x509 {

bool host_matches(const Certificate& certificate, std::string_view host);

// The rule for one dNSName. `host` is no address.
bool dns_name_matches(std::string_view pattern, std::string_view host);

}  // namespace sonde::x509
