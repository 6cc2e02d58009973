// What becomes of a module's keys. Which files are refused is compared with blackbox_exporter in
// tests/e2e/test_watch_config.py.
#include "config/module_yaml.h"

#include <gtest/gtest.h>

#include "config/gateway_yaml.h"

namespace sonde::config {
namespace {

using probes::ModuleOptions;
using probes::ProberKind;

ModuleOptions module(const std::string& body) {
  const ReadGateway read = read_gateway_text("modules:\n  a: " + body + "\n", "/etc/sonde/gateway.yaml");
  EXPECT_TRUE(read.errors.empty()) << body << ": " << (read.errors.empty() ? "" : read.errors[0].text);
  return read.options.modules.size() == 1 ? read.options.modules[0] : ModuleOptions{};
}

std::string error_of(const std::string& body) {
  const ReadGateway read = read_gateway_text("modules:\n  a: " + body + "\n", "g.yaml");
  return read.errors.empty() ? "no error" : read.errors[0].text;
}

TEST(ModuleYaml, defaults_are_those_of_0_23) {
  const ModuleOptions http = module("{prober: http}");
  EXPECT_EQ(http.name, "a");
  EXPECT_EQ(http.kind, ProberKind::kHttp);
  EXPECT_EQ(http.timeout, 0);
  EXPECT_TRUE(http.http.ip.prefers_v6);
  EXPECT_TRUE(http.http.ip.fallback);
  EXPECT_EQ(http.http.method, "GET");
  EXPECT_TRUE(http.http.follow_redirects);
  EXPECT_TRUE(http.http.enable_http2);
  EXPECT_EQ(http.http.body_size_limit, 0U);
  const ModuleOptions dns = module("{prober: dns, dns: {query_name: x}}");
  EXPECT_EQ(dns.dns.query_type, 255);
  EXPECT_EQ(dns.dns.query_class, 1);
  EXPECT_TRUE(dns.dns.recursion_desired);
  EXPECT_FALSE(dns.dns.over_tcp);
  EXPECT_EQ(module("{prober: icmp}").icmp.ttl, 64);
  EXPECT_EQ(module("{prober: icmp, icmp: {ttl: 0}}").icmp.ttl, 0);
}

TEST(ModuleYaml, http) {
  const probes::HttpCheck http =
      module(
          "{prober: http, timeout: 1m30s, http: {valid_status_codes: [200, 0x12e], valid_http_versions: [HTTP/2.0],\n"
          "  method: POST, headers: {Host: x, A: null}, body: hi, body_size_limit: 1KB, compression: br,\n"
          "  no_follow_redirects: true, fail_if_ssl: yes, fail_if_not_ssl: on, enable_http2: off,\n"
          "  fail_if_body_matches_regexp: [a, b], fail_if_body_not_matches_regexp: [c],\n"
          "  fail_if_header_matches: [{header: A, regexp: '^b', allow_missing: true}],\n"
          "  preferred_ip_protocol: ip4, ip_protocol_fallback: false, skip_resolve_phase_with_proxy: true,\n"
          "  proxy_url: 'http://h:1', no_proxy: x, proxy_connect_header: {P: [q, r]},\n"
          "  tls_config: {ca_file: ca.pem, cert_file: /c.pem, key_file: ../k.pem, server_name: s,\n"
          "               insecure_skip_verify: true, min_version: TLS10, max_version: TLS13}}}")
          .http;
  EXPECT_EQ(http.valid_status_codes, (std::vector<int>{200, 302}));
  EXPECT_EQ(http.valid_http_versions, std::vector<std::string>{"HTTP/2.0"});
  EXPECT_EQ(http.method, "POST");
  EXPECT_EQ(http.headers, (std::vector<std::pair<std::string, std::string>>{{"Host", "x"}, {"A", ""}}));
  EXPECT_EQ(http.body, "hi");
  EXPECT_EQ(http.body_size_limit, 1024U);
  EXPECT_EQ(http.compression, "br");
  EXPECT_FALSE(http.follow_redirects);
  EXPECT_TRUE(http.fail_if_ssl && http.fail_if_not_ssl);
  EXPECT_FALSE(http.enable_http2);
  ASSERT_EQ(http.fail_if_body_matches.size(), 2U);
  EXPECT_EQ(http.fail_if_body_matches[1]->pattern(), "b");
  ASSERT_EQ(http.fail_if_header_matches.size(), 1U);
  EXPECT_EQ(http.fail_if_header_matches[0].header, "A");
  EXPECT_TRUE(http.fail_if_header_matches[0].allow_missing);
  EXPECT_FALSE(http.ip.prefers_v6 || http.ip.fallback);
  EXPECT_TRUE(http.skip_resolve_phase_with_proxy);
  EXPECT_EQ(http.proxy_url, "http://h:1");
  EXPECT_EQ(http.proxy_connect_headers,
            (std::vector<std::pair<std::string, std::vector<std::string>>>{{"P", {"q", "r"}}}));
  EXPECT_EQ(http.tls.ca_file, "/etc/sonde/ca.pem");
  EXPECT_EQ(http.tls.cert_file, "/c.pem");
  EXPECT_EQ(http.tls.key_file, "/etc/k.pem");
  EXPECT_EQ(http.tls.min_version, 0x0301);
  EXPECT_EQ(http.tls.max_version, 0x0304);
}

TEST(ModuleYaml, credentials) {
  EXPECT_EQ(module("{prober: http, http: {bearer_token: x}}").http.authorization->credentials, "x");
  EXPECT_EQ(module("{prober: http, http: {bearer_token_file: x}}").http.authorization->credentials_file,
            "/etc/sonde/x");
  EXPECT_EQ(module("{prober: http, http: {authorization: {type: ' ', credentials: x}}}").http.authorization->type,
            "Bearer");
  EXPECT_EQ(module("{prober: http, http: {basic_auth: {username: x, password: y}}}").http.basic_auth->password, "y");
  EXPECT_FALSE(module("{prober: http, http: {basic_auth: null}}").http.basic_auth);
  const auto oauth2 = module(
                          "{prober: http, http: {oauth2: {client_id: i, client_secret_file: s, scopes: [a],\n"
                          "  token_url: 'http://h/', endpoint_params: {k: v}, tls_config: {server_name: n}}}}")
                          .http.oauth2;
  ASSERT_TRUE(oauth2);
  EXPECT_EQ(oauth2->client_secret_file, "/etc/sonde/s");
  EXPECT_EQ(oauth2->endpoint_params[0].second, "v");
  EXPECT_EQ(oauth2->tls.server_name, "n");
}

TEST(ModuleYaml, other_probers) {
  const probes::TcpCheck tcp =
      module(
          "{prober: tcp, tcp: {query_response: [{expect: ''}, {send: 5}, {starttls: true}], tls: true,\n"
          "  source_ip_address: '::1'}}")
          .tcp;
  ASSERT_EQ(tcp.query_response.size(), 3U);
  EXPECT_EQ(tcp.query_response[0].expect->pattern(), "");
  EXPECT_EQ(tcp.query_response[1].expect, nullptr);
  EXPECT_EQ(tcp.query_response[1].send, "5");
  EXPECT_TRUE(tcp.query_response[2].starttls && tcp.tls);
  EXPECT_EQ(tcp.source_ip_address, "::1");
  const probes::DnsCheck dns =
      module(
          "{prober: dns, dns: {query_name: x, query_type: NSAP-PTR, query_class: CS, transport_protocol: tcp,\n"
          "  dns_over_tls: true, recursion_desired: false, valid_rcodes: [NXDOMAIN, NOTIMPL, BADSIG],\n"
          "  validate_answer_rrs: {fail_if_all_match_regexp: [a]}}}")
          .dns;
  EXPECT_EQ(dns.query_type, 23);
  EXPECT_EQ(dns.query_class, 2);
  EXPECT_TRUE(dns.over_tcp && dns.over_tls);
  EXPECT_FALSE(dns.recursion_desired);
  EXPECT_EQ(dns.valid_rcodes, (std::vector<std::uint16_t>{3, 4, 16}));
  EXPECT_EQ(module("{prober: dns, dns: {query_name: a}}").dns.valid_rcodes, std::nullopt);
  EXPECT_EQ(module("{prober: dns, dns: {query_name: a, valid_rcodes: []}}").dns.valid_rcodes,
            std::vector<std::uint16_t>());
  EXPECT_EQ(dns.answer.fail_if_all_match.size(), 1U);
  const probes::IcmpCheck icmp = module("{prober: icmp, icmp: {payload_size: 10, ttl: 5.9, dont_fragment: y}}").icmp;
  EXPECT_EQ(icmp.payload_size, 10U);
  EXPECT_EQ(icmp.ttl, 5);
  EXPECT_TRUE(icmp.dont_fragment);
  const probes::GrpcCheck grpc =
      module("{prober: grpc, grpc: {service: s, tls: true, preferred_ip_protocol: ip6}}").grpc;
  EXPECT_EQ(grpc.service, "s");
  EXPECT_TRUE(grpc.tls && grpc.ip.prefers_v6 && grpc.ip.fallback);
  for (const char* without : {"{prober: grpc}", "{prober: grpc, grpc: }"})
    EXPECT_FALSE(module(without).grpc.ip.fallback) << without << ": as 0.23, whose defaults come with the section";
  EXPECT_TRUE(module("{prober: grpc, grpc: {}}").grpc.ip.fallback);
}

TEST(ModuleYaml, merges_take_what_a_module_does_not_say) {
  const ReadGateway read = read_gateway_text(
      "modules:\n"
      "  a: &a {prober: http, timeout: 5s, http: {method: POST}}\n"
      "  b: {<<: *a, timeout: 3s}\n",
      "g.yaml");
  ASSERT_TRUE(read.errors.empty()) << read.errors[0].text;
  EXPECT_EQ(read.options.modules[1].timeout, 3 * kSecond);
  EXPECT_EQ(read.options.modules[1].http.method, "POST");
}

TEST(ModuleYaml, shown_without_secrets) {
  EXPECT_EQ(module("{prober: http, http: {bearer_token: hunter2}}").shown,
            "prober: http\nhttp:\n  bearer_token: <secret>\n");
}

TEST(ModuleYaml, errors_say_what_would_be_right) {
  EXPECT_EQ(error_of("{prober: http, timeout: 5}"),
            "g.yaml:2: modules.a.timeout: '5' is not a duration: give a number and a unit, such as 5s, 500ms or 1m30s");
  EXPECT_EQ(error_of("{prober: http, timeout: 0}"),
            "g.yaml:2: modules.a.timeout: '0' has no unit: give 0s, or leave the timeout out");
  EXPECT_EQ(error_of("{prober: icmp, icmp: {size: 3}}"),
            "g.yaml:2: modules.a.icmp: unknown key 'size'; known are preferred_ip_protocol, ip_protocol_fallback, "
            "source_ip_address, dont_fragment, payload_size, ttl");
  EXPECT_EQ(error_of("{prober: http, http: {enable_http3: true}}"),
            "g.yaml:2: modules.a.http: unknown key 'enable_http3': of a later blackbox_exporter, not known here");
  EXPECT_EQ(error_of("{prober: http, http: {valid_status_codes: [200, two]}}"),
            "g.yaml:2: modules.a.http.valid_status_codes[1]: 'two' is not a whole number");
  // A password in a URL is no part of an error.
  EXPECT_EQ(error_of("{prober: http, http: {proxy_url: 'ftp://u:hunter2@h'}}"),
            "g.yaml:2: modules.a.http.proxy_url: 'ftp://u:<secret>@h' is not the URL of a proxy, such as "
            "http://proxy:3128");
}

// blackbox_exporter takes such a file and fails each probe of the module.
TEST(ModuleYaml, what_no_probe_can_come_of_is_a_warning) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"{prober: htpp}", "prober: 'htpp' is not one of http, tcp, dns, icmp, grpc; did you mean 'http'?"},
      {"{prober: http, http: {method: 'A B'}}", "http.method: 'A B' is not a method, such as GET or POST"},
      {"{prober: http, http: {compression: zstd}}",
       "http.compression: 'zstd' is not one of gzip, br, deflate, identity"},
      {"{prober: tcp, tcp: {source_ip_address: x}}", "tcp.source_ip_address: 'x' is not an address, such as 10.0.0.1"},
      {"{prober: dns, dns: {query_name: x, dns_over_tls: true}}", "dns.dns_over_tls: needs transport_protocol: tcp"},
      {"{prober: icmp, icmp: {payload_size: 70000}}", "icmp.payload_size: 70000 is out of range: it is 0 to 65507"},
  };
  for (const auto& [body, what] : rows) {
    const ReadGateway read = read_gateway_text("modules:\n  a: " + std::string(body) + "\n", "g.yaml");
    EXPECT_TRUE(read.errors.empty()) << body;
    ASSERT_EQ(read.warnings.size(), 1U) << body;
    EXPECT_EQ(read.warnings[0].text, "g.yaml:2: modules.a." + std::string(what));
    EXPECT_EQ(read.options.modules[0].broken, "modules.a." + std::string(what));
  }
  EXPECT_EQ(read_gateway_text("modules:\n  a: {prober: htpp}\n", "g").options.modules[0].unknown_prober, "htpp");
}

}  // namespace
}  // namespace sonde::config
