// What the tls probe was asked to do, from its options; set once, then read by all workers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "engine/probe.h"
#include "wire/starttls.h"
#include "wire/tls_names.h"

namespace sonde::probes {

struct TlsOptions {
  enum class Engine : std::uint8_t { kUnset, kLean, kFull };
  enum class Sni : std::uint8_t { kHost, kNone, kGiven };

  Engine engine = Engine::kUnset;
  Sni sni = Sni::kHost;
  std::string sni_name;  // of kGiven
  std::vector<std::string> alpn = {"h2", "http/1.1"};
  bool alpn_given = false;
  bool verify = false;
  std::string ca_file;
  std::string client_cert;
  std::string client_key;
  bool jarm = false;
  bool enumerate_versions = false;
  bool enumerate_ciphers = false;
  bool enumerate_groups = false;
  bool resumption = false;
  bool pem = false;
  wire::StartTls starttls = wire::StartTls::kNone;
  std::uint16_t min_version = wire::kTls10;
  std::uint16_t max_version = wire::kTls13;

  bool surveys() const { return jarm || enumerate_versions || enumerate_ciphers || enumerate_groups; }
  bool full() const { return engine == Engine::kFull; }

  // The name to send as SNI: empty for none (RFC 6066, 3: never an address; without the trailing dot).
  std::string_view server_name(std::string_view host) const;
  // What the certificate must be for: the name given, the host, or the address.
  std::string wanted_name(std::string_view host, const IpAddress& address) const;
};

std::span<const engine::OptionDef> tls_option_defs();
Parsed<> set_tls_option(TlsOptions& options, std::string_view name, std::string_view value);
// What only shows when all are set; chooses the engine where none was named. The error names the option.
Parsed<> complete_tls_options(TlsOptions& options);
// Where the service of the dialogue listens, or 443.
std::span<const std::uint16_t> tls_ports(const TlsOptions& options);

}  // namespace sonde::probes
