#include "cli/http_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cli/page_text.h"
#include "cli/tls_record_maker.h"
#include "probes/http/http_fields.h"

namespace sonde::cli {
namespace {

using probes::HttpField;
using probes::kFieldsOfHttp;
using results::Json;
using results::Outcome;
using results::Phase;

// An http record made by hand: the answer of a sound site over TLS, and what a test changes of it.
struct MadeAnswer {
  std::vector<results::Value> values;
  results::Record record;
  HttpPageStyle style = {.now_s = kMadeNow,
                         .url = "https://host.example/",
                         .asked = {.target = "host.example:443", .name = "host.example"}};
  std::string error;

  MadeAnswer() : values(kFieldsOfHttp + static_cast<std::size_t>(TlsField::kCount)) {
    record.ip = *parse_ip("192.0.2.1");
    record.port = 443;
    record.timing_us.fill(results::kNoTiming);
  }
  results::Value& operator[](HttpField id) { return values[static_cast<std::size_t>(id)]; }
  results::Value& operator[](TlsField id) { return values[kFieldsOfHttp + static_cast<std::size_t>(id)]; }
  MadeAnswer& ended(Outcome outcome, Phase phase, std::string text) {
    record.outcome = outcome;
    record.phase = phase;
    error = std::move(text);
    return *this;
  }
  void timing(Phase phase, std::int32_t us) { record.timing_us[static_cast<std::size_t>(phase)] = us; }
  const results::Record& made() {
    record.values = values;
    record.error = error;
    return record;
  }
  std::string page() { return http_page(made(), style); }
};

MadeAnswer sound_answer() {
  MadeAnswer answer;
  answer[HttpField::kUrl] = "https://host.example/";
  answer[HttpField::kMethod] = "GET";
  answer[HttpField::kVersion] = "2";
  answer[HttpField::kStatus] = std::int64_t{200};
  answer[HttpField::kHeaders] = Json{
      R"({"date":"now","server":"nginx","strict-transport-security":"max-age=1","set-cookie":["a=1; Secure","b=2; Secure"]})"};
  answer[HttpField::kTitle] = "Welcome";
  answer[HttpField::kContentType] = "text/html";
  answer[HttpField::kBodyBytes] = std::int64_t{615};
  answer[HttpField::kBodySha256] = std::string(64, 'b');
  answer[HttpField::kTruncated] = false;
  const MadeRecord site = healthy_site();
  for (std::size_t i = 0; i < site.values.size(); ++i) answer.values[kFieldsOfHttp + i] = site.values[i];
  for (const TlsField id : {TlsField::kVersions, TlsField::kGroups, TlsField::kCiphers}) answer[id] = {};
  answer.timing(Phase::kDns, 1200);
  answer.timing(Phase::kConnect, 20'000);
  answer.timing(Phase::kTls, 30'000);
  answer.timing(Phase::kFirstByte, 25'000);
  answer.timing(Phase::kRead, 3000);
  answer.timing(Phase::kDone, 79'300);
  return answer;
}

// The same, behind two redirects.
MadeAnswer led_answer() {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kUrl] = "http://host.example/";
  answer.style.url = "http://host.example/";
  answer[HttpField::kFinalUrl] = "https://www.other.example/there";
  answer[HttpField::kFinalIp] = "192.0.2.2";
  answer[TlsField::kSni] = "www.other.example";
  answer[HttpField::kRedirects] = Json{
      R"([{"status":301,"url":"http://host.example/","location":"https://host.example/","ip":"192.0.2.1",)"
      R"("timing_us":{"dns":1200,"connect":10000,"first_byte":9000,"transfer":1,"total":20300}},)"
      R"({"status":302,"url":"https://host.example/","location":"https://www.other.example/there","ip":"192.0.2.1",)"
      R"("timing_us":{"connect":10000,"tls":12000,"first_byte":9000,"transfer":1,"total":31100}}])"};
  answer[HttpField::kTiming] = Json{R"({"connect":9000,"tls":10000,"first_byte":8000,"transfer":800,"total":27900})"};
  return answer;
}

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
std::string verdict_of(MadeAnswer& answer) { return lines_of(answer.page()).at(2); }

// What must hold of every page without colour, but for its dialogue.
void expect_fit_for_a_terminal(const std::string& page) {
  EXPECT_TRUE(page.ends_with('\n'));
  bool in_dialogue = false;
  for (const std::string& line : lines_of(page)) {
    in_dialogue = in_dialogue || line == "Dialogue";
    if (!in_dialogue) {
      EXPECT_LE(columns(line), 80U) << line;
    }
    EXPECT_EQ(harmless(line), line);
    EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
  }
}

TEST(HttpPage, of_a_sound_site) {
  EXPECT_EQ(sound_answer().page(), R"(https://host.example/  192.0.2.1

✓ 200, 615 bytes in 79 ms

Answer
  title       Welcome
  protocol    HTTP/2
  type        text/html
  body        615 bytes
  sha256      bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb

TLS
  version     TLS1.3
  cipher      TLS_AES_128_GCM_SHA256
  subject     CN=host.example
  issuer      CN=Example R3,O=Example Trust,C=AQ
  valid       until 2026-12-30 (in 37 days)
  verdict     A browser would accept it, until 2026-12-30 (in 37 days)

Headers
  server: nginx
  strict-transport-security: max-age=1
  set-cookie: a=1; Secure
  set-cookie: b=2; Secure

Time
  dns         █                                                        1.20 ms
  connect     █████████████                                              20 ms
  tls                      ████████████████████                          30 ms
  first byte                                   ████████████████          25 ms
  transfer                                                     ██      3.00 ms
  in all      ████████████████████████████████████████████████████       79 ms
)");
}

TEST(HttpPage, of_redirects_tells_the_way_and_whose_time_it_was) {
  MadeAnswer answer = led_answer();
  const std::string page = answer.page();
  EXPECT_TRUE(has(page,
                  "\nWay\n  301         http://host.example/\n  302         https://host.example/\n"
                  "  200         https://www.other.example/there\n"))
      << page;
  for (const char* row : {"  1 connect ", "  1 1st byte ", "  2 tls ", "  3 transfer ", "  in all "})
    EXPECT_TRUE(has(page, row)) << row << page;
  EXPECT_FALSE(has(page, "leads elsewhere"));
  expect_fit_for_a_terminal(page);
}

TEST(HttpPage, the_certificate_is_judged_for_where_the_redirects_led) {
  MadeAnswer answer = led_answer();
  answer[TlsField::kVerified] = false;
  answer[TlsField::kVerifyError] = "hostname mismatch";
  answer[TlsField::kHostMatches] = false;
  answer.ended(Outcome::kTlsError, Phase::kTls, "the certificate does not verify: hostname mismatch");
  EXPECT_TRUE(has(answer.page(), "it is not for www.other.example")) << answer.page();
  EXPECT_FALSE(has(answer.page(), "not for host.example"));
  answer[TlsField::kSni] = {};
  answer[HttpField::kFinalUrl] = "https://192.0.2.9/";
  EXPECT_TRUE(has(answer.page(), "it is not for 192.0.2.9")) << answer.page();
}

TEST(HttpPage, verdicts) {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kReason] = "OK";
  EXPECT_EQ(verdict_of(answer), "✓ 200 OK, 615 bytes in 79 ms");
  answer[HttpField::kStatus] = std::int64_t{404};
  answer[HttpField::kReason] = "Not Found";
  EXPECT_EQ(verdict_of(answer), "! 404 Not Found, 615 bytes in 79 ms");
  answer[HttpField::kExpectStatus] = true;
  EXPECT_EQ(verdict_of(answer), "✓ 404 Not Found, 615 bytes in 79 ms") << "it was expected";
  answer[HttpField::kExpectStatus] = false;
  answer[HttpField::kExpectBody] = false;
  EXPECT_EQ(verdict_of(answer), "✗ 404 Not Found, 615 bytes in 79 ms");
  EXPECT_TRUE(has(answer.page(), "The status is none of --expect-status."));
  EXPECT_TRUE(has(answer.page(), "The body has nothing that --expect-body matches."));
  MadeAnswer old = sound_answer();
  old[HttpField::kStatus] = {};
  old[HttpField::kVersion] = "0.9";
  old[HttpField::kBodyBytes] = std::int64_t{1};
  EXPECT_EQ(verdict_of(old), "✓ An answer without a status line (HTTP/0.9), 1 byte in 79 ms");
}

TEST(HttpPage, of_what_failed) {
  MadeAnswer answer;
  answer[HttpField::kUrl] = "http://host.example/";
  answer.timing(Phase::kConnect, 900);
  answer.timing(Phase::kDone, 900);
  answer.ended(Outcome::kRefused, Phase::kConnect, "connection refused");
  EXPECT_EQ(answer.page(), R"(http://host.example/  192.0.2.1

✗ connection refused
  In phase connect, after 0.90 ms.

Time
  connect     ████████████████████████████████████████████████████     0.90 ms
  in all      ████████████████████████████████████████████████████     0.90 ms
)");
  MadeAnswer nobody;
  nobody.record.ip = IpAddress();
  nobody.ended(Outcome::kDnsError, Phase::kDns, "no such name");
  EXPECT_EQ(nobody.page(), "https://host.example/\n\n✗ no such name\n  In phase dns.\n");
}

TEST(HttpPage, of_a_certificate_that_is_not_accepted_says_that_nothing_was_asked) {
  MadeAnswer answer = sound_answer();
  for (const HttpField id : {HttpField::kStatus, HttpField::kVersion, HttpField::kTitle, HttpField::kBodyBytes,
                             HttpField::kHeaders, HttpField::kBodySha256, HttpField::kContentType})
    answer[id] = {};
  answer[TlsField::kVerified] = false;
  answer[TlsField::kVerifyError] = "self-signed certificate";
  answer[TlsField::kSelfSigned] = true;
  answer.ended(Outcome::kTlsError, Phase::kTls, "the certificate does not verify: self-signed certificate");
  const std::string page = answer.page();
  EXPECT_TRUE(has(page, "No request was sent. --insecure asks whatever the certificate says.")) << page;
  EXPECT_TRUE(has(page, "  issuer      itself\n"));
  EXPECT_TRUE(has(page, "it is self-signed"));
  EXPECT_FALSE(has(page, "\nAnswer\n"));
  EXPECT_FALSE(has(page, "Strict-Transport-Security"));
}

TEST(HttpPage, of_a_redirect_that_leads_nowhere) {
  MadeAnswer answer = led_answer();
  answer[HttpField::kTiming] = {};
  answer[HttpField::kStatus] = std::int64_t{302};
  answer[HttpField::kReason] = "Found";
  answer.ended(Outcome::kBlocked, Phase::kDns, "redirected to https://www.other.example/there, which is excluded");
  const std::string page = answer.page();
  EXPECT_EQ(lines_of(page).at(2), "✗ redirected to https://www.other.example/there, which is excluded");
  EXPECT_TRUE(has(page, "  The last answer was 302 Found.\n")) << page;
  EXPECT_TRUE(has(page, "\n  –           https://www.other.example/there\n"));
  EXPECT_FALSE(has(page, "  3 ")) << "there was no third answer";
  EXPECT_TRUE(has(page, "\n  then  ")) << "what it took until then";
  answer.timing(Phase::kDone, 51'300);
  EXPECT_FALSE(has(answer.page(), "\n  then  ")) << "nothing, as the parts of the others are rounded";
}

TEST(HttpPage, its_title_is_the_scheme_that_was_found) {
  MadeAnswer answer = sound_answer();
  answer.style.url = "http://host.example/";
  EXPECT_EQ(lines_of(answer.page()).at(0), "https://host.example/  192.0.2.1");
}

TEST(HttpPage, of_several_paths_tells_each_answer) {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kRequests] = std::int64_t{4};
  answer[HttpField::kConnections] = std::int64_t{2};
  answer[HttpField::kResponses] =
      Json{R"([{"url":"https://host.example/a","status":200,"body_bytes":6,"timing_us":{"total":79300}},)"
           R"({"url":"https://host.example/b","status":404,"body_bytes":6,"timing_us":{"total":1500}}])"};
  const std::string page = answer.page();
  EXPECT_TRUE(has(page,
                  "\nAnswers\n  200         https://host.example/a                                       79 ms\n"
                  "  404         https://host.example/b                                     1.50 ms\n\nLast answer\n"))
      << page;
  EXPECT_TRUE(has(page, "\n  requests    4, over 2 connections\n"));
  answer[HttpField::kConnections] = {};
  EXPECT_TRUE(has(answer.page(), "\n  requests    4, over 1 connection\n"));
}

TEST(HttpPage, of_a_body_that_is_not_whole_says_why) {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kTruncated] = true;
  answer[HttpField::kBodyBytes] = std::int64_t{1'048'576};
  EXPECT_TRUE(has(answer.page(), "\n  body        1049 kB, not all of it (--max-body)\n")) << answer.page();
  answer[HttpField::kBodyError] = "gzip: incorrect header check";
  EXPECT_TRUE(has(answer.page(), "\n  body        1049 kB, not all of it\n"));
  EXPECT_TRUE(has(answer.page(), "\n  undecoded   gzip: incorrect header check\n"));
  answer[HttpField::kBodyError] = {};
  answer.ended(Outcome::kClosed, Phase::kRead, "the answer ends within its body");
  EXPECT_TRUE(has(answer.page(), "\n  body        1049 kB, not all of it\n")) << "the limit was not it";
}

TEST(HttpPage, notes) {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kHeaders] = Json{R"({"set-cookie":"id=1; HttpOnly","location":"/x"})"};
  std::string page = answer.page();
  EXPECT_TRUE(has(page, "! No Strict-Transport-Security")) << page;
  EXPECT_TRUE(has(page, "! The cookie id is not Secure: it is sent in the clear too.")) << page;
  answer[HttpField::kStatus] = std::int64_t{302};
  EXPECT_TRUE(has(answer.page(), "! The answer leads elsewhere; --follow 10 goes there.")) << answer.page();
  answer[HttpField::kUrl] = "http://host.example/";
  page = answer.page();
  EXPECT_FALSE(has(page, "Strict-Transport-Security") || has(page, "not Secure"))
      << "in the clear it is another matter";
  EXPECT_FALSE(has(page, "speaks TLS"));
  answer[HttpField::kStatus] = std::int64_t{400};
  answer[HttpField::kSpeaks] = "tls";
  EXPECT_TRUE(has(answer.page(), "! The port speaks TLS, and was asked in the clear")) << answer.page();
}

TEST(HttpPage, the_dialogue_is_told_whole_where_it_is_asked_for) {
  MadeAnswer answer = sound_answer();
  answer[HttpField::kDialogue] = Texts{"> GET / HTTP/2", "> x: " + std::string(200, 'x'), "< HTTP/2 200"};
  EXPECT_FALSE(has(answer.page(), "Dialogue"));
  answer.style.dialogue = true;
  const std::string page = answer.page();
  EXPECT_TRUE(page.ends_with("\nDialogue\n  > GET / HTTP/2\n  > x: " + std::string(200, 'x') + "\n  < HTTP/2 200\n"));
  expect_fit_for_a_terminal(page);
}

TEST(HttpPage, colours_say_no_more_than_signs) {
  MadeAnswer answer = sound_answer();
  const std::string plain = answer.page();
  answer.style.colour = true;
  std::string coloured = answer.page();
  EXPECT_TRUE(has(coloured, "\033[32m✓\033[0m"));
  for (std::size_t at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033'))
    coloured.erase(at, coloured.find('m', at) - at + 1);
  EXPECT_EQ(coloured, plain);
}

TEST(HttpPage, nothing_of_a_peer_steers_the_terminal_or_breaks_the_page) {
  const Texts nasty = {"a\x1b]0;x\x07",
                       "\u202egnp",
                       std::string(500, 'w'),
                       "東京東京東京東京東京東京東京東京東京東京東京東京東京",
                       "\n✓ forged",
                       "",
                       "\xff\xfe",
                       "a b " + std::string(90, '-') + " c"};
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    const auto any = [&] { return nasty[random() % nasty.size()]; };
    const auto json = [&] {  // as records have it: valid, whatever is in the text
      std::string text;
      for (const char c : any()) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
          char escaped[8];
          std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
          text += escaped;
        } else if (static_cast<unsigned char>(c) < 0xf8) {
          text += c;
        }
      }
      return text;
    };
    MadeAnswer answer = random() % 2 == 0 ? sound_answer() : led_answer();
    for (const HttpField id : {HttpField::kUrl, HttpField::kReason, HttpField::kTitle, HttpField::kContentType,
                               HttpField::kContentEncoding, HttpField::kBodyError, HttpField::kVersion})
      if (random() % 2 == 0) answer[id] = any();
    for (const TlsField id : {TlsField::kSubjectDn, TlsField::kIssuerDn, TlsField::kVersion, TlsField::kSni,
                              TlsField::kNotAfter, TlsField::kVerifyError})
      if (random() % 2 == 0) answer[id] = any();
    if (random() % 2 == 0)
      answer[HttpField::kHeaders] = Json{R"({"server":")" + json() + R"(","set-cookie":[")" + json() + R"(=1",")" +
                                         json() + R"("],"location":")" + json() + R"("})"};
    if (random() % 2 == 0) {
      answer[HttpField::kRedirects] = Json{R"([{"status":301,"url":")" + json() + R"(","timing_us":{"total":5}}])"};
      answer[HttpField::kFinalUrl] = any();
    }
    if (random() % 2 == 0)
      answer[HttpField::kResponses] = Json{R"([{"status":200,"url":")" + json() + R"(","timing_us":{"total":5}}])"};
    if (random() % 4 == 0) answer.ended(Outcome::kTlsError, Phase::kTls, any());
    if (random() % 4 == 0) answer[TlsField::kVerified] = false;
    answer.style.dialogue = random() % 2 == 0;
    answer[HttpField::kDialogue] = Texts{"> " + any(), "< " + any()};
    const std::string page = answer.page();
    expect_fit_for_a_terminal(page);
    int verdicts = 0;
    for (const std::string& line : lines_of(page)) verdicts += line.starts_with("✓") || line.starts_with("✗") ? 1 : 0;
    EXPECT_LE(verdicts, 1) << page;
  }
}

TEST(HttpPage, what_is_expected_decides_the_exit_code) {
  MadeAnswer answer = sound_answer();
  EXPECT_TRUE(is_as_expected(answer.made()));
  answer[HttpField::kExpectStatus] = true;
  answer[HttpField::kExpectBody] = false;
  EXPECT_FALSE(is_as_expected(answer.made()));
  answer[HttpField::kExpectBody] = true;
  EXPECT_TRUE(is_as_expected(answer.made()));
  answer.ended(Outcome::kTimeout, Phase::kRead, "");
  EXPECT_FALSE(is_as_expected(answer.made()));
}

}  // namespace
}  // namespace sonde::cli
