// A module of blackbox_exporter's configuration (0.23, and keys of later versions where they are named here): what a
// check asks and what it wants to hear. Plain values as the file has them, with the defaults that blackbox_exporter
// has; regular expressions are compiled where the file is read, so that its errors name their lines. Immutable once
// read.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace sonde::probes {

using Pattern = std::shared_ptr<const RE2>;  // its pattern() is the text of the file

enum class ProberKind : std::uint8_t { kHttp, kTcp, kDns, kIcmp, kGrpc };

// Of a file, what the key X_file names, read when the prober is made; relative paths are made absolute when the
// configuration is read.
struct TlsConfig {
  std::string ca_file, cert_file, key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
  std::uint16_t min_version = 0;  // wire numbers; 0: Go's (TLS 1.2)
  std::uint16_t max_version = 0;  // 0: the newest
};

struct BasicAuth {
  std::string username, password, password_file;
};

struct Authorization {
  std::string type = "Bearer", credentials, credentials_file;
};

struct Oauth2 {
  std::string client_id, client_secret, client_secret_file, token_url, proxy_url;
  std::vector<std::string> scopes;
  std::vector<std::pair<std::string, std::string>> endpoint_params;
  TlsConfig tls;
};

struct HeaderMatch {
  std::string header;
  Pattern regexp;
  bool allow_missing = false;
};

// ip_protocol: what preferred_ip_protocol and ip_protocol_fallback say.
struct IpPreference {
  bool prefers_v6 = true;
  bool fallback = true;
};

struct HttpCheck {
  IpPreference ip;
  std::vector<int> valid_status_codes;           // empty: 2xx
  std::vector<std::string> valid_http_versions;  // "HTTP/1.1", "HTTP/2.0"; empty: any
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body, body_file;
  std::uint64_t body_size_limit = 0;  // bytes; 0: none
  std::string compression;            // "", gzip, br, deflate, identity
  bool follow_redirects = true;
  bool fail_if_ssl = false, fail_if_not_ssl = false;
  std::vector<Pattern> fail_if_body_matches, fail_if_body_not_matches;
  std::vector<HeaderMatch> fail_if_header_matches, fail_if_header_not_matches;
  bool enable_http2 = true;
  bool skip_resolve_phase_with_proxy = false;
  std::string proxy_url, no_proxy;
  bool proxy_from_environment = false;
  std::vector<std::pair<std::string, std::vector<std::string>>> proxy_connect_headers;
  TlsConfig tls;
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;  // bearer_token and bearer_token_file too
  std::optional<Oauth2> oauth2;
};

struct QueryResponse {
  Pattern expect;    // null: nothing is waited for
  std::string send;  // empty: nothing is sent
  bool starttls = false;
};

struct TcpCheck {
  IpPreference ip;
  std::string source_ip_address;
  std::vector<QueryResponse> query_response;
  bool tls = false;
  TlsConfig tls_config;
};

// Of a section's resource records, as text like dig's.
struct RrValidation {
  std::vector<Pattern> fail_if_matches, fail_if_all_match, fail_if_not_matches, fail_if_none_matches;
};

struct DnsCheck {
  IpPreference ip;
  std::string source_ip_address;
  bool over_tcp = false;
  bool over_tls = false;
  TlsConfig tls_config;
  std::string query_name;
  std::uint16_t query_type = 255;  // ANY
  std::uint16_t query_class = 1;   // IN
  bool recursion_desired = true;
  std::optional<std::vector<std::uint16_t>> valid_rcodes;  // nothing: NOERROR; empty: none is
  RrValidation answer, authority, additional;
};

struct IcmpCheck {
  IpPreference ip;
  std::string source_ip_address;
  bool dont_fragment = false;
  std::uint32_t payload_size = 0;  // bytes; 0: as blackbox_exporter's own text
  std::uint8_t ttl = 0;            // 0: the kernel's
};

struct GrpcCheck {
  IpPreference ip;
  std::string service;
  bool tls = false;
  TlsConfig tls_config;
};

struct ModuleOptions {
  std::string name;
  ProberKind kind = ProberKind::kHttp;
  Nanos timeout = 0;  // 0: none of its own
  HttpCheck http;     // of the kind that it is
  TcpCheck tcp;
  DnsCheck dns;
  IcmpCheck icmp;
  GrpcCheck grpc;
  // What is wrong with it, where blackbox_exporter takes the file all the same: each of its probes fails. Empty:
  // nothing.
  std::string broken;
  std::optional<std::string> unknown_prober;  // what the file has for `prober`, if that is none
  std::string shown;                          // the module as YAML, secrets hidden, for /probe's debug page
};

}  // namespace sonde::probes
