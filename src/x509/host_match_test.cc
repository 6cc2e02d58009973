#include "x509/host_match.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

using namespace std::string_literals;

struct Case {
  std::string pattern;
  std::string host;
  bool matches;
  bool openssl_differs = false;  // where its rule is another: the test says so rather than hide it
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {"www.example.com", "www.example.com", true},
      {"WWW.Example.COM", "www.example.com", true},
      {"www.example.com", "WWW.EXAMPLE.COM", true},
      {"www.example.com", "example.com", false},
      {"example.com", "www.example.com", false},
      {"localhost", "localhost", true},
      {"*.example.com", "a.example.com", true},
      {"*.example.com", "A.EXAMPLE.com", true},
      {"*.example.com", "b.a.example.com", false},
      {"*.example.com", "example.com", false},
      {"*.example.com", ".example.com", false, true},  // "any host below" there
      {"*.example.com", "xn--mnchen-3ya.example.com", true},
      {"*.EXAMPLE.com", "a.example.com", true},
      {"f*o.example.com", "foo.example.com", false},
      {"f*.example.com", "foo.example.com", false, true},  // OpenSSL's default has wildcards at a label's ends
      {"*o.example.com", "foo.example.com", false, true},
      {"*.com", "example.com", false},
      {"*.com", "com", false},
      {"*", "localhost", false},
      {"*.", "localhost", false},
      {"*.*.example.com", "a.b.example.com", false},
      {"a.*.example.com", "a.b.example.com", false},
      {"*.a.*.com", "x.a.b.com", false},
      {"xn--*.example.com", "xn--a.example.com", false},
      {"xn--mnchen-3ya.example", "XN--MNCHEN-3YA.example", true},
      {"www.example.com.", "www.example.com", true, true},  // RFC 1034's absolute form: OpenSSL compares the bytes
      {"www.example.com", "www.example.com.", true, true},
      {"*.example.com", "a.example.com.", true, true},
      {"www.example.com", "www.example.com..", false},
      {"www..example.com", "www..example.com", false, true},
      {"under_score.example.com", "under_score.example.com", true},
      {"a.example.com\0.evil.org"s, "a.example.com", false},
      {"a.example.com", "a.example.com\0.evil.org"s, false},
      {"", "", false},
      {"", "a", false},
      {"*.example.com", "*.example.com", false, true},  // no host is called so
      {"a b.example.com", "a b.example.com", false, true},
  };
  return table;
}

Certificate with_dns(const std::string& name) {
  return {.alt_names = {{AltName::Kind::kDns, name}}, .has_alt_names = true};
}

TEST(HostMatch, the_table_holds) {
  for (const Case& each : cases())
    EXPECT_EQ(host_matches(with_dns(each.pattern), each.host), each.matches) << each.pattern << " for " << each.host;
}

TEST(HostMatch, openssl_agrees_wherever_the_rules_are_the_same) {
  for (const Case& each : cases()) {
    if (each.pattern.empty() || each.host.empty()) continue;  // an empty host means "any" there
    const zoo::Made made = zoo::make({.subject = {}, .alt_names = {{GEN_DNS, each.pattern}}});
    const int openssl = X509_check_host(made.certificate.get(), each.host.data(), each.host.size(), 0, nullptr);
    EXPECT_EQ(openssl == 1, each.matches != each.openssl_differs) << each.pattern << " for " << each.host;
    EXPECT_EQ(host_matches(parse(made.der), each.host), each.matches);
  }
}

TEST(HostMatch, an_address_matches_an_address_alone) {
  Certificate certificate = with_dns("127.0.0.1");
  EXPECT_FALSE(host_matches(certificate, "127.0.0.1")) << "a DNS name that looks like one";
  EXPECT_FALSE(host_matches(certificate, "127.0.0.1."));
  certificate.alt_names.push_back({AltName::Kind::kIp, "127.0.0.1"});
  EXPECT_TRUE(host_matches(certificate, "127.0.0.1"));
  EXPECT_FALSE(host_matches(certificate, "127.0.0.2"));
  certificate.subject_cn = "127.0.0.2";
  EXPECT_FALSE(host_matches(certificate, "127.0.0.2"));
}

TEST(HostMatch, ipv6_is_compared_as_octets) {
  const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
  const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16);
  const Certificate certificate = parse(zoo::make({.alt_names = {{GEN_IPADD, v6}, {GEN_IPADD, mapped}}}).der);
  EXPECT_TRUE(host_matches(certificate, "2001:db8::1"));
  EXPECT_TRUE(host_matches(certificate, "2001:DB8:0:0::1"));
  EXPECT_FALSE(host_matches(certificate, "2001:db8::2"));
  EXPECT_FALSE(host_matches(certificate, "1.2.3.4")) << "16 octets are not 4";
}

TEST(HostMatch, an_address_of_the_wrong_length_matches_nothing) {
  const Certificate certificate = parse(zoo::make({.alt_names = {{GEN_IPADD, "\1\2\3\4\5"s}}}).der);
  EXPECT_FALSE(host_matches(certificate, "1.2.3.4"));
  EXPECT_FALSE(host_matches(certificate, certificate.alt_names.at(0).text));
}

TEST(HostMatch, a_common_name_alone_never_matches) {
  const Certificate certificate = parse(zoo::make({.subject = {{"CN", "www.example.com"}}}).der);
  EXPECT_FALSE(host_matches(certificate, "www.example.com"));
}

TEST(HostMatch, other_kinds_of_names_never_match) {
  const Certificate certificate = {.alt_names = {{AltName::Kind::kUri, "www.example.com"},
                                                 {AltName::Kind::kEmail, "www.example.com"},
                                                 {AltName::Kind::kIp, "www.example.com"}}};
  EXPECT_FALSE(host_matches(certificate, "www.example.com"));
}

TEST(HostMatch, names_over_253_bytes_never_match) {
  std::string name = "a";
  while (name.size() < 253) name += ".b";
  EXPECT_TRUE(host_matches(with_dns(name), name));
  name += ".c";
  EXPECT_FALSE(host_matches(with_dns(name), name));
}

TEST(HostMatch, a_name_behind_the_listed_thousand_counts) {
  Certificate certificate;
  for (int i = 0; i < 1'500; ++i)
    certificate.alt_names.push_back({AltName::Kind::kDns, "h" + std::to_string(i) + ".example.com"});
  EXPECT_TRUE(host_matches(certificate, "h1499.example.com"));
}

}  // namespace
}  // namespace sonde::x509
