// Names of certificates as Go's crypto/x509/pkix prints them, for labels that are the same as blackbox_exporter's: its
// own order of attributes (not the certificate's), its escaping, '#' and hex for types that it has no name for.
#pragma once

#include <openssl/types.h>

#include <string>

namespace sonde::probes {

std::string go_name(const X509_NAME* name);

}  // namespace sonde::probes
