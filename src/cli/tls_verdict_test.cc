#include "cli/tls_verdict.h"

#include <gtest/gtest.h>

#include "cli/tls_record_maker.h"
#include "cli/tls_warnings.h"

namespace sonde::cli {
namespace {

using Kind = TlsVerdict::Kind;
using results::Json;
using results::Outcome;
using results::Phase;

TlsVerdict verdict_on(MadeRecord site) { return judge(site.made(), site.asked, kMadeNow); }
std::string headline(MadeRecord site) { return verdict_on(std::move(site)).headline; }
std::string advice(MadeRecord site) { return verdict_on(std::move(site)).advice; }
Texts warnings_on(MadeRecord site) { return tls_warnings(TlsFacts(site.made().values), site.asked, kMadeNow); }
std::string joined_warnings(MadeRecord site) {
  std::string all;
  for (const std::string& warning : warnings_on(std::move(site))) all += warning + "\n";
  return all;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void remove(MadeRecord& site, TlsField id) { site[id] = std::monostate(); }

// --- accepted ---

TEST(TlsVerdict, a_sound_site_is_accepted_until_its_certificate_ends) {
  EXPECT_EQ(verdict_on(healthy_site()).kind, Kind::kAccepted);
  EXPECT_EQ(headline(healthy_site()), "A browser would accept it, until 2026-12-30 (in 37 days)");
  EXPECT_EQ(warnings_on(healthy_site()), Texts());
}

TEST(TlsVerdict, roots_of_the_user_are_no_browsers_roots) {
  MadeRecord site = healthy_site();
  site.asked.own_roots = true;
  EXPECT_TRUE(headline(site).starts_with("A browser with your roots would accept it"));
}

TEST(TlsVerdict, nothing_is_claimed_of_what_was_not_verified) {
  MadeRecord site = healthy_site();
  remove(site, TlsField::kVerified);
  EXPECT_EQ(verdict_on(site).kind, Kind::kUnknown);
  EXPECT_EQ(headline(site), "The handshake works; whether a browser would accept it was not asked");
}

TEST(TlsVerdict, an_offered_client_certificate_is_told_and_does_not_refuse) {
  MadeRecord site = healthy_site();
  site[TlsField::kClientCertRequested] = true;
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted);
  EXPECT_TRUE(has(advice(site), "asks for a client certificate"));
  site.asked.client_certificate = true;
  EXPECT_EQ(advice(site), "");
}

// --- refused for the chain ---

TEST(TlsVerdict, a_verify_error_becomes_plain_words) {
  MadeRecord expired = refused_by_verify("certificate has expired");
  expired[TlsField::kExpired] = true;
  expired[TlsField::kNotAfter] = "2026-11-21T00:00:00Z";
  MadeRecord lonely = refused_by_verify("unable to get local issuer certificate");
  lonely[TlsField::kChain] = Json{"[]"};
  MadeRecord nameless = refused_by_verify("hostname mismatch");
  nameless[TlsField::kSan] = Texts{};
  const std::vector<std::tuple<MadeRecord, std::string, std::string>> cases = {
      {refused_by_verify("self-signed certificate"), "it is self-signed", "--ca FILE"},
      {refused_by_verify("self-signed certificate in certificate chain"), "its root is not trusted here", "--ca FILE"},
      {refused_by_verify("unable to get local issuer certificate"), "its chain leads to no root that is trusted here",
       "--ca FILE"},
      {lonely, "its issuer is neither sent nor trusted here", "does not send"},
      {expired, "it expired on 2026-11-21 (2 days ago)", ""},
      {refused_by_verify("certificate has expired"), "a certificate of its chain has expired", ""},
      {refused_by_verify("hostname mismatch"), "it is not for host.example", "--sni NAME"},
      {nameless, "it is not for host.example", "no alternative names"},
      {refused_by_verify("certificate is not yet valid"), "it is not valid before 2026-10-01", "clock"},
      {refused_by_verify("unsuitable certificate purpose"), "it is not meant for servers", ""},
      {refused_by_verify("path length constraint exceeded"), "path length constraint exceeded", ""},
  };
  for (const auto& [site, why, what] : cases) {
    EXPECT_EQ(verdict_on(site).kind, Kind::kRefused) << why;
    EXPECT_EQ(headline(site), "A browser would not accept it: " + why);
    EXPECT_TRUE(has(advice(site), what)) << advice(site);
  }
}

// --- refused although the chain is sound ---

TEST(TlsVerdict, old_versions_alone_are_refused_whatever_the_certificate) {
  MadeRecord site = healthy_site();
  site[TlsField::kVersion] = "TLS1.0";
  site[TlsField::kVersions] = Texts{"SSL3", "TLS1.0"};
  site[TlsField::kCiphers] = Json{R"({"TLS1.0":["TLS_RSA_WITH_AES_128_CBC_SHA"]})"};
  EXPECT_EQ(headline(site), "A browser would not accept it: it speaks nothing newer than TLS1.0");
  remove(site, TlsField::kVersions);
  EXPECT_EQ(headline(site), "A browser would not accept it: it speaks nothing newer than TLS1.0");
}

TEST(TlsVerdict, an_old_version_that_the_user_asked_for_says_nothing_of_the_server) {
  MadeRecord site = healthy_site();
  site[TlsField::kVersion] = "TLS1.1";
  site.asked.offers_tls12 = false;
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted) << "TLS 1.3 is among its versions";
  remove(site, TlsField::kVersions);
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted) << "not certain";
}

TEST(TlsVerdict, suites_that_no_browser_offers_are_refused) {
  MadeRecord site = healthy_site();
  site[TlsField::kVersion] = "TLS1.2";
  site[TlsField::kVersions] = Texts{"TLS1.2"};
  site[TlsField::kCipher] = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
  site[TlsField::kCiphers] =
      Json{R"({"TLS1.2":["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256","TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"]})"};
  EXPECT_EQ(headline(site), "A browser would not accept it: it accepts no cipher suite that browsers offer");
  site[TlsField::kCiphers] =
      Json{R"({"TLS1.2":["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256","TLS_RSA_WITH_AES_128_CBC_SHA"]})"};
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted);
  remove(site, TlsField::kCiphers);
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted) << "what else it accepts was not asked";
}

TEST(TlsVerdict, signatures_that_can_be_forged_are_refused_unless_nobody_reads_them) {
  MadeRecord site = healthy_site();
  site[TlsField::kSignatureAlgorithm] = "sha1WithRSAEncryption";
  EXPECT_EQ(headline(site), "A browser would not accept it: it is signed with sha1WithRSAEncryption");
  site[TlsField::kSelfSigned] = true;  // and trusted, by --ca
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted);
}

TEST(TlsVerdict, a_short_key_is_refused_where_all_browsers_do_and_else_warned_of) {
  MadeRecord site = healthy_site();
  site[TlsField::kKeyType] = "rsa-512";
  EXPECT_EQ(headline(site), "A browser would not accept it: its RSA key of 512 bits is too short");
  site[TlsField::kKeyType] = "rsa-1024";
  EXPECT_EQ(verdict_on(site).kind, Kind::kAccepted);
  EXPECT_TRUE(has(joined_warnings(site), "Its RSA key has 1024 bits"));
}

TEST(TlsVerdict, without_a_certificate_no_browser_goes_on) {
  MadeRecord site;
  site[TlsField::kVersion] = "TLS1.2";
  EXPECT_EQ(headline(site), "A browser would not accept it: it shows no certificate");
}

// --- no handshake ---

TEST(TlsVerdict, a_demanded_client_certificate_is_the_reason_and_its_own_is_judged_too) {
  MadeRecord site = healthy_site();
  site.ended(Outcome::kTlsError, Phase::kTls, "the server refused: handshake_failure");
  site[TlsField::kClientCertRequested] = true;
  site[TlsField::kAlert] = "handshake_failure";
  EXPECT_EQ(headline(site), "It demands a client certificate: without one there is no handshake");
  EXPECT_EQ(advice(site), "--client-cert FILE shows one. Its own certificate is one that a browser accepts.");
  site[TlsField::kVerified] = false;
  site[TlsField::kVerifyError] = "self-signed certificate";
  EXPECT_TRUE(has(advice(site), "And a browser would not accept its own: it is self-signed."));
  site.asked.client_certificate = true;
  EXPECT_FALSE(has(headline(site), "demands")) << "one was shown";
}

TEST(TlsVerdict, an_alert_is_explained) {
  MadeRecord site;
  site.ended(Outcome::kTlsError, Phase::kTls, "the server refused: unrecognized_name");
  site[TlsField::kAlert] = "unrecognized_name";
  EXPECT_EQ(headline(site), "No TLS handshake: the server refused: unrecognized_name");
  EXPECT_TRUE(has(advice(site), "--sni NAME"));
}

TEST(TlsVerdict, a_failed_handshake_with_a_server_of_old_versions_says_so) {
  MadeRecord site;
  site.ended(Outcome::kTlsError, Phase::kTls, "the server refused: protocol_version");
  site[TlsField::kVersions] = Texts{"SSL3"};
  EXPECT_EQ(headline(site), "A browser would not accept it: it speaks nothing newer than SSL3");
}

TEST(TlsVerdict, every_way_to_have_no_answer_has_words_of_its_own) {
  const auto ended = [](Outcome outcome, Phase phase, std::string error) {
    return headline(MadeRecord().ended(outcome, phase, std::move(error)));
  };
  EXPECT_EQ(ended(Outcome::kRefused, Phase::kConnect, "x"), "Nothing listens on port 443: the connection was refused");
  EXPECT_TRUE(has(ended(Outcome::kTimeout, Phase::kConnect, "x"), "No answer"));
  EXPECT_TRUE(has(ended(Outcome::kTimeout, Phase::kTls, "x"), "Connected, but"));
  EXPECT_EQ(ended(Outcome::kDnsError, Phase::kDns, "no such name"), "The name has no address: no such name");
  EXPECT_EQ(ended(Outcome::kProtocolError, Phase::kTls, "HTTP"), "No TLS here: HTTP");
  EXPECT_EQ(ended(Outcome::kClosed, Phase::kTls, "closed without a word"), "No TLS handshake: closed without a word");
  EXPECT_TRUE(has(ended(Outcome::kReset, Phase::kTls, "x"), "reset"));
  EXPECT_TRUE(has(ended(Outcome::kUnreachable, Phase::kConnect, "x"), "cannot be reached"));
  MadeRecord ours;
  ours.ended(Outcome::kLocalError, Phase::kConnect, "no descriptors");
  EXPECT_EQ(verdict_on(ours).kind, Kind::kUnknown) << "this machine's fault is no verdict on the server";
}

TEST(TlsVerdict, ports_of_services_that_begin_in_the_clear_are_known) {
  MadeRecord mail;
  mail.asked.port = 587;
  mail.ended(Outcome::kProtocolError, Phase::kTls, "SMTP");
  EXPECT_EQ(advice(mail), "Services on port 587 begin in the clear; try --starttls smtp.");
  mail.asked.starttls = true;
  EXPECT_EQ(advice(mail), "");
}

// --- warnings ---

TEST(TlsWarnings, the_verdict_is_not_said_again) {
  MadeRecord expired = refused_by_verify("certificate has expired");
  expired[TlsField::kNotAfter] = "2026-11-21T00:00:00Z";
  EXPECT_EQ(warnings_on(expired), Texts());
  MadeRecord other = refused_by_verify("hostname mismatch");
  other[TlsField::kHostMatches] = false;
  EXPECT_EQ(warnings_on(other), Texts());
  expired[TlsField::kHostMatches] = false;
  EXPECT_EQ(warnings_on(expired), Texts{"The certificate is not for host.example."}) << "what else is wrong is said";
}

TEST(TlsWarnings, a_certificate_that_ends_soon) {
  MadeRecord site = healthy_site();
  site[TlsField::kNotAfter] = "2026-12-02T12:00:00Z";
  EXPECT_EQ(warnings_on(site), Texts{"The certificate expires in 10 days: renew it."});
  site[TlsField::kNotAfter] = "2026-12-13T12:00:00Z";
  EXPECT_EQ(warnings_on(site), Texts()) << "21 days are left";
}

TEST(TlsWarnings, a_certificate_of_the_chain_that_ended) {
  MadeRecord site = healthy_site();
  site[TlsField::kChain] = Json{R"([{"subject_cn":"Example R3","issuer_cn":"X","not_after":"2026-11-20T00:00:00Z"}])"};
  EXPECT_EQ(warnings_on(site), Texts{"In the chain, Example R3 expired 3 days ago."});
}

TEST(TlsWarnings, the_longest_validity_is_that_of_the_day_of_issue) {
  MadeRecord site = healthy_site();
  site[TlsField::kNotAfter] = "2027-06-01T00:00:00Z";  // 243 days from October 2026
  EXPECT_TRUE(has(joined_warnings(site), "may issue for 200 at most"));
  site.asked.own_roots = true;
  EXPECT_EQ(warnings_on(site), Texts()) << "roots of one's own may issue for longer";
  site.asked.own_roots = false;
  site[TlsField::kNotBefore] = "2026-03-14T00:00:00Z";
  site[TlsField::kNotAfter] = "2027-04-01T00:00:00Z";
  EXPECT_EQ(warnings_on(site), Texts()) << "383 days, issued when 398 were allowed";
}

TEST(TlsWarnings, old_versions_and_weak_suites) {
  MadeRecord site = healthy_site();
  site[TlsField::kVersions] = Texts{"TLS1.0", "TLS1.1", "TLS1.2"};
  site[TlsField::kVersion] = "TLS1.2";
  site[TlsField::kCiphers] =
      Json{R"({"TLS1.0":["TLS_RSA_WITH_3DES_EDE_CBC_SHA"],"TLS1.2":["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
               "TLS_RSA_WITH_3DES_EDE_CBC_SHA"]})"};
  EXPECT_EQ(warnings_on(site), (Texts{"Still speaks TLS1.0, TLS1.1, which browsers no longer do: turn them off.",
                                      "TLS 1.3 is not supported.", "Accepts 1 weak cipher suite, marked above."}));
}

TEST(TlsWarnings, a_chain_with_strangers_and_no_timestamps) {
  MadeRecord site = healthy_site();
  site[TlsField::kChain] = Json{R"([{"subject_cn":"Stranger","issuer_cn":"Example Root"}])"};
  site[TlsField::kScts] = std::int64_t{0};
  const std::string all = joined_warnings(site);
  EXPECT_TRUE(has(all, "out of order"));
  EXPECT_TRUE(has(all, "signed certificate timestamps"));
}

// --- facts ---

TEST(TlsFacts, days_are_rounded_towards_the_past) {
  EXPECT_EQ(days_until("2026-11-22T12:00:00Z", kMadeNow), 0);
  EXPECT_EQ(days_until("2026-11-22T11:59:59Z", kMadeNow), -1);
  EXPECT_EQ(days_until("2026-11-24T11:59:59Z", kMadeNow), 1);
  EXPECT_EQ(days_until("9999-12-31T23:59:59Z", kMadeNow), 2'912'117);
  for (const char* text : {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "yesterday at noon"})
    EXPECT_EQ(days_until(text, kMadeNow), std::nullopt) << text;
  EXPECT_EQ(days_from_now("2026-11-23T13:00:00Z", kMadeNow), "in 1 day");
  EXPECT_EQ(days_from_now("2026-11-22T13:00:00Z", kMadeNow), "today");
}

TEST(TlsFacts, weak_suites_are_told_from_sound_ones) {
  for (const char* sound : {"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                            "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"})
    EXPECT_EQ(weakness(sound), "") << sound;
  const std::vector<std::pair<std::string_view, std::string_view>> weak = {
      {"TLS_RSA_WITH_NULL_SHA", "no encryption"},
      {"TLS_SHA256_SHA256", "no encryption"},
      {"TLS_DH_anon_WITH_AES_128_CBC_SHA", "no authentication"},
      {"TLS_RSA_EXPORT_WITH_RC4_40_MD5", "export grade, broken"},
      {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "RC4 or RC2, broken"},
      {"TLS_DHE_RSA_WITH_DES_CBC_SHA", "DES, broken"},
      {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "64-bit blocks, SWEET32"},
      {"TLS_RSA_WITH_AES_128_GCM_SHA256", "no forward secrecy"},
      {"TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "no forward secrecy"},
  };
  for (const auto& [suite, why] : weak) EXPECT_EQ(weakness(suite), why) << suite;
}

TEST(TlsFacts, a_record_without_values_has_no_facts) {
  const TlsFacts facts(std::span<const results::Value>{});
  EXPECT_FALSE(facts.has(TlsField::kSha256));
  EXPECT_EQ(facts.ciphers().size(), 0U);
  EXPECT_EQ(facts.chain().size(), 0U);
}

}  // namespace
}  // namespace sonde::cli
