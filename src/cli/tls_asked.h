// What the user asked `sonde tls` for, as far as the words of its page depend on it. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "scan/scan_options.h"

namespace sonde::cli {

struct TlsAsked {
  std::string target;  // host.example:443
  std::string name;    // what the certificate must be for
  std::uint16_t port = 443;
  bool own_roots = false;           // --ca
  bool client_certificate = false;  // --client-cert
  bool starttls = false;
  bool offers_tls12 = true;  // or newer; else an old version says nothing of the server
};

// From options with one target, a text. An error says what is wrong with the target or the option, and what would be
// right: `sonde tls` takes one address or name, with TLS, and one port.
Parsed<TlsAsked> tls_asked(const scan::ScanOptions& options);

}  // namespace sonde::cli
