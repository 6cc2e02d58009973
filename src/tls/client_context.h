// What all TLS client sessions of a run share: versions, lists, certificates, and what OpenSSL prepares once (SSL_CTX).
// Made once, then immutable: any thread may make sessions of it. It must outlive them.
//
// It is made to learn of servers, not to keep secrets from the network: security level 0, every version and cipher
// suite that this OpenSSL has, servers without secure renegotiation too. A certificate never aborts the handshake
// (others judge the chain) unless `require_verified`. Renegotiation is always refused.
#pragma once

#include <openssl/bio.h>
#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sonde::tls {

struct ContextOptions {
  std::uint16_t min_version = 0x0301;  // wire numbers, 0x0300 (SSL3) … 0x0304 (TLS 1.3)
  std::uint16_t max_version = 0x0304;
  std::vector<std::string> alpn;  // in order of preference; empty: the extension is not sent
  bool require_verified = false;  // the chain and the name must verify, or the handshake fails with a text
  // Verified as Go and browsers do: a name stands in the certificate's alternative names alone, and what ca_file has is
  // trusted though it is no root.
  bool as_browsers = false;
  std::string ca_file;    // PEM, for require_verified; empty: the system's
  std::string cert_file;  // PEM, the client's chain, leaf first; empty: none is sent to servers that ask
  std::string key_file;   // PEM; empty: in cert_file
};

class ClientContext {
 public:
  // The error names the option or the file, and the reason.
  static Parsed<std::unique_ptr<ClientContext>> create(const ContextOptions& options);
  ~ClientContext();
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;

  bool require_verified() const { return require_verified_; }
  bool as_browsers() const { return as_browsers_; }
  // Whether the hello offers this protocol.
  bool offers(std::string_view protocol) const;

  SSL_CTX* native() const { return context_; }             // borrowed, for ClientSession
  const BIO_METHOD* wire_method() const { return wire_; }  // borrowed, for ClientSession

 private:
  ClientContext() = default;
  Parsed<> set_up(const ContextOptions& options);
  Parsed<> set_alpn(const std::vector<std::string>& names);
  Parsed<> load_files(const ContextOptions& options);

  SSL_CTX* context_ = nullptr;
  BIO_METHOD* wire_ = nullptr;
  bool require_verified_ = false;
  bool as_browsers_ = false;
  std::vector<std::string> alpn_;
};

}  // namespace sonde::tls
