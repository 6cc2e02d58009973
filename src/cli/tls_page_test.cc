#include "cli/tls_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cli/page_text.h"
#include "cli/tls_record_maker.h"

namespace sonde::cli {
namespace {

using results::Json;
using results::Outcome;
using results::Phase;

Texts lines_of(const std::string& page) {
  Texts lines;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t end = page.find('\n', at);
    lines.push_back(page.substr(at, end - at));
    at = end == std::string::npos ? page.size() : end + 1;
  }
  return lines;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// What must hold of every page without colour.
void expect_fit_for_a_terminal(const std::string& page) {
  EXPECT_TRUE(page.ends_with('\n'));
  for (const std::string& line : lines_of(page)) {
    EXPECT_LE(columns(line), 80U) << line;
    EXPECT_EQ(harmless(line), line);
    EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
  }
}

TEST(TlsPage, of_a_sound_site) {
  EXPECT_EQ(healthy_site().page(), R"(host.example:443  192.0.2.1

✓ A browser would accept it, until 2026-12-30 (in 37 days)

Certificate
  subject     CN=host.example
  issuer      CN=Example R3,O=Example Trust,C=AQ
  names       host.example, www.host.example
  valid       2026-10-01 to 2026-12-30 (in 37 days)
  key         ecdsa-p256, signed with sha256WithRSAEncryption
  serial      04b2
  sha256      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  logged      2 signed certificate timestamps

Chain
  host.example
  └─ Example R3  until 2030-01-01
     └─ Example Root  not sent

Handshake
  version     TLS1.3
  cipher      TLS_AES_128_GCM_SHA256
  group       x25519
  protocol    h2
  sni         host.example
  client      is not asked for a certificate
  ocsp        not stapled

Supported
  versions    TLS1.2, TLS1.3
  groups      x25519, secp256r1
  TLS1.2      TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  TLS1.3      TLS_AES_128_GCM_SHA256

Time
  dns         █                                                        1.20 ms
  connect      ████████████████████                                      20 ms
  tls                              ██████████████████████████████        30 ms
  in all                                                                 51 ms
)");
}

TEST(TlsPage, of_a_self_signed_certificate) {
  MadeRecord site = refused_by_verify("self-signed certificate");
  site[TlsField::kSelfSigned] = true;
  site[TlsField::kIssuerCn] = "host.example";
  site[TlsField::kIssuerDn] = "CN=host.example";
  site[TlsField::kChain] = Json{"[]"};
  const std::string page = site.page();
  EXPECT_TRUE(has(page,
                  "✗ A browser would not accept it: it is self-signed\n"
                  "  It vouches for itself; with --ca FILE it can be trusted all the same.\n"));
  EXPECT_TRUE(has(page, "  issuer      itself\n"));
  EXPECT_TRUE(has(page, "  error       self-signed certificate\n"));
  EXPECT_TRUE(has(page, "Chain\n  host.example\n\n")) << "nobody else stands in its chain";
  expect_fit_for_a_terminal(page);
}

TEST(TlsPage, of_a_chain_that_is_not_whole) {
  MadeRecord site = refused_by_verify("unable to get local issuer certificate");
  site[TlsField::kChain] = Json{"[]"};
  EXPECT_TRUE(has(site.page(), "  host.example\n  └─ Example R3  neither sent nor trusted here\n"));
  site[TlsField::kChain] = Json{R"([{"subject_cn":"Stranger","issuer_cn":"Stranger"}])"};
  EXPECT_TRUE(has(site.page(), "  └─ Stranger  not its issuer\n"));
}

TEST(TlsPage, of_an_expired_certificate) {
  MadeRecord site = refused_by_verify("certificate has expired");
  site[TlsField::kExpired] = true;
  site[TlsField::kNotAfter] = "2026-11-21T00:00:00Z";
  const std::string page = site.page();
  EXPECT_TRUE(has(page, "✗ A browser would not accept it: it expired on 2026-11-21 (2 days ago)\n"));
  EXPECT_TRUE(has(page, "  valid       2026-10-01 to 2026-11-21 (2 days ago)\n"));
}

TEST(TlsPage, of_a_certificate_for_another_name) {
  MadeRecord site = refused_by_verify("hostname mismatch");
  site[TlsField::kHostMatches] = false;
  site[TlsField::kSan] = Texts{"other.example"};
  EXPECT_TRUE(has(site.page(), "✗ A browser would not accept it: it is not for host.example\n"));
  EXPECT_TRUE(has(site.page(), "  names       other.example\n"));
}

TEST(TlsPage, of_an_alert) {
  MadeRecord site;
  site.ended(Outcome::kTlsError, Phase::kTls, "the server refused: handshake_failure");
  site[TlsField::kAlert] = "handshake_failure";
  EXPECT_EQ(site.page(), R"(host.example:443  192.0.2.1

✗ No TLS handshake: the server refused: handshake_failure
  It accepts none of the versions, suites or groups that were offered, or it
  wants something more.
  The server's last word was the alert handshake_failure.
)");
}

TEST(TlsPage, of_no_answer_at_all) {
  MadeRecord refused;
  refused.ended(Outcome::kRefused, Phase::kConnect, "connection refused");
  EXPECT_EQ(refused.page(),
            "host.example:443  192.0.2.1\n\n✗ Nothing listens on port 443: the connection was refused\n");
  MadeRecord nameless;
  nameless.record.ip = {};
  nameless.ended(Outcome::kDnsError, Phase::kDns, "no such name");
  EXPECT_EQ(nameless.page(), "host.example:443\n\n✗ The name has no address: no such name\n");
  for (const Phase phase : {Phase::kConnect, Phase::kTls}) {
    MadeRecord silent;
    silent.ended(Outcome::kTimeout, phase, "");
    expect_fit_for_a_terminal(silent.page());
  }
}

TEST(TlsPage, of_a_demanded_client_certificate_shows_the_servers_own) {
  MadeRecord site = healthy_site();
  site.ended(Outcome::kTlsError, Phase::kTls, "the server refused: handshake_failure");
  site[TlsField::kClientCertRequested] = true;
  const std::string page = site.page();
  EXPECT_TRUE(has(page, "✗ It demands a client certificate: without one there is no handshake\n"));
  EXPECT_TRUE(has(page, "  subject     CN=host.example\n"));
  EXPECT_TRUE(has(page, "  client      is asked for a certificate\n"));
}

TEST(TlsPage, weak_suites_are_marked_where_they_stand) {
  MadeRecord site = healthy_site();
  site[TlsField::kVersion] = "TLS1.2";
  site[TlsField::kVersions] = Texts{"TLS1.2"};
  site[TlsField::kCiphers] =
      Json{R"({"TLS1.2":["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256","TLS_RSA_WITH_3DES_EDE_CBC_SHA"]})"};
  EXPECT_TRUE(has(site.page(),
                  "  TLS1.2      TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
                  "              TLS_RSA_WITH_3DES_EDE_CBC_SHA  64-bit blocks, SWEET32\n"));
  EXPECT_TRUE(has(site.page(), "\nWarnings\n  ! TLS 1.3 is not supported.\n"));
}

TEST(TlsPage, resumption_is_a_table_and_a_way_that_was_not_gone_is_left_out) {
  MadeRecord site = healthy_site();
  site[TlsField::kTickets] = std::int64_t{2};
  site[TlsField::kPsk] = "accepted";
  site[TlsField::kEarlyData] = "not_offered";
  site[TlsField::kFullTls] = std::int64_t{2310};
  site[TlsField::kFullFirstByte] = std::int64_t{512};
  site[TlsField::kFullTotal] = std::int64_t{3190};
  site[TlsField::kPskTls] = std::int64_t{980};
  EXPECT_TRUE(has(site.page(), R"(
Resumption
  tickets     2
  session     accepted
  0-RTT       not offered

                 handshake    first byte      in all
  full             2.31 ms       0.51 ms     3.19 ms
  resumed          0.98 ms             –           –

)")) << site.page();
}

TEST(TlsPage, certificates_in_pem_stand_at_the_end_to_be_copied) {
  MadeRecord site = healthy_site();
  const std::string pem = "-----BEGIN CERTIFICATE-----\n" + std::string(64, 'M') + "\n-----END CERTIFICATE-----\n";
  site[TlsField::kPem] = Texts{pem, pem};
  EXPECT_TRUE(site.page().ends_with("\n\n" + pem + "\n" + pem));
}

TEST(TlsPage, colour_changes_nothing_but_colour) {
  MadeRecord site = refused_by_verify("self-signed certificate");
  std::string coloured = site.page(true);
  EXPECT_TRUE(has(coloured, "\033[31m✗\033[0m"));
  for (std::size_t at = 0; (at = coloured.find('\033')) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  EXPECT_EQ(coloured, site.page());
  EXPECT_FALSE(has(site.page(), "\033"));
}

TEST(TlsPage, a_hostile_subject_reaches_no_terminal) {
  const std::string hostile = "a\x1b]0;owned\a\r✓ A browser would accept it\nb\u202ec\xff";
  MadeRecord site = refused_by_verify("self-signed certificate");
  for (const TlsField id : {TlsField::kSubjectCn, TlsField::kSubjectDn, TlsField::kIssuerCn, TlsField::kIssuerDn,
                            TlsField::kKeyType, TlsField::kSerial, TlsField::kAlpn, TlsField::kVerifyError})
    site[id] = hostile;
  site[TlsField::kSan] = Texts{hostile, "b"};
  site[TlsField::kChain] = Json{"[{\"subject_cn\":\"x\\u001b[2J\\r\\nb\",\"issuer_cn\":\"y\\u202e\"}]"};
  const std::string page = site.page();
  expect_fit_for_a_terminal(page);
  EXPECT_TRUE(has(page, "  subject     a\\x1b]0;owned\\x07\\x0d✓ A browser would accept it\\x0ab\\u{202e}c\\xff\n"));
  EXPECT_TRUE(has(page, "x\\x1b[2J\\x0d\\x0ab"));
}

TEST(TlsPage, long_lists_and_names_are_bounded) {
  MadeRecord site = healthy_site();
  Texts names;
  for (int i = 0; i < 1000; ++i) names.push_back("host-" + std::to_string(i) + ".example");
  names[1] = std::string(300, 'n');
  site[TlsField::kSan] = names;
  site[TlsField::kSubjectDn] = "CN=" + std::string(5000, 'x');
  site[TlsField::kIssuerDn] = "CN=東京東京東京東京東京東京東京東京東京東京東京東京東京東京,O=Ünïcödé,C=JP";
  std::string chain;
  for (int i = 0; i < 100; ++i)
    chain += std::string(i == 0 ? "[" : ",") + R"({"subject_cn":")" + std::string(200, 'c') + R"(","issuer_cn":"z"})";
  site[TlsField::kChain] = Json{chain + "]"};
  const std::string page = site.page();
  expect_fit_for_a_terminal(page);
  EXPECT_TRUE(has(page, "… 976 more\n"));
  EXPECT_TRUE(has(page, "└─ … 90 more\n"));
  EXPECT_LT(lines_of(page).size(), 80U);
}

// Whatever the values of a record are.
TEST(TlsPage, any_record_fits_a_terminal) {
  std::mt19937_64 random(7);
  const Texts pieces = {"\x1b[1m",
                        "\n",
                        "東",
                        "e\xcc\x81",
                        "\xff",
                        "TLS1.2",
                        "TLS_RSA_WITH_RC4_128_MD5",
                        ",",
                        " ",
                        "\"",
                        std::string(90, 'w'),
                        "2026-11-30T00:00:00Z",
                        "rsa-1024",
                        "sha1",
                        "expired",
                        "{",
                        "[]",
                        "\u202e"};
  const auto text = [&] {
    std::string all;
    for (auto left = random() % 12; left > 0; --left) all += pieces[random() % pieces.size()];
    return all;
  };
  for (int round = 0; round < 500; ++round) {
    MadeRecord site = healthy_site();
    for (std::size_t i = 0; i < site.values.size(); ++i) {
      if (random() % 2 == 0) continue;
      results::Value& value = site.values[i];
      if (random() % 4 == 0) {
        value = std::monostate();
      } else if (std::holds_alternative<Texts>(value)) {
        value = Texts{text(), text(), text()};
      } else if (std::holds_alternative<Json>(value)) {
        value = Json{text()};
      } else if (std::holds_alternative<bool>(value)) {
        value = random() % 2 == 0;
      } else {
        value = text();
      }
    }
    site.record.outcome = static_cast<Outcome>(random() % results::kOutcomeNames.size());
    site.record.phase = static_cast<Phase>(random() % results::kPhaseNames.size());
    site.error = text();
    for (std::int32_t& us : site.record.timing_us) us = static_cast<std::int32_t>(random() % 20'000'000) - 1;
    site.timing(Phase::kDone, 1 + static_cast<std::int32_t>(random() % 20'000'000));
    expect_fit_for_a_terminal(site.page());
    if (HasFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace sonde::cli
