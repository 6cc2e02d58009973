// The http prober in the clear: each key of its module, each judgement, and which samples are there.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/version.h"
#include "probes/check/drive_http_check.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string answer(const std::string& status, const std::string& fields = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HttpProber, a_2xx_is_a_success_with_blackbox_s_samples) {
  const Checked told = Checking({}).run(kHello);
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_status_code"], 200);
  EXPECT_EQ(told["probe_http_content_length"], 6);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 6);
  EXPECT_EQ(told["probe_http_redirects"], 0);
  EXPECT_EQ(told["probe_http_ssl"], 0);
  EXPECT_EQ(told["probe_http_version"], 1.1);
  EXPECT_EQ(told["probe_failed_due_to_regex"], 0);
  for (const char* phase : {"resolve", "connect", "tls", "processing", "transfer"})
    EXPECT_TRUE(told.has(std::string("probe_http_duration_seconds phase=") + phase)) << phase;
  EXPECT_EQ(told.samples.size(), 12U);
  EXPECT_EQ(told.sent.front(), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: sonde/" + std::string(kVersion) +
                                   "\r\nConnection: close\r\n\r\n");
}

TEST(HttpProber, the_status_is_one_of_those_that_are_valid) {
  Checked told = Checking({}).run(answer("404 Not Found"));
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.cause, "status_code");
  EXPECT_EQ(told.error, "the status is 404, not 2xx");
  EXPECT_EQ(told["probe_http_status_code"], 404);
  HttpCheck check;
  check.valid_status_codes = {404, 410};
  EXPECT_TRUE(Checking(check).run(answer("404 Not Found")).success);
  told = Checking(check).run(kHello);
  EXPECT_EQ(told.error, "the status is 200, not 404 or 410");
}

TEST(HttpProber, the_version_is_one_of_those_that_are_valid) {
  HttpCheck check;
  check.valid_http_versions = {"HTTP/1.1"};
  EXPECT_TRUE(Checking(check).run(kHello).success);
  const Checked told = Checking(check).run("HTTP/1.0 200 OK\r\n\r\nhi", End::kFin);
  EXPECT_EQ(told.cause, "http_version");
  EXPECT_EQ(told["probe_http_version"], 1);
}

TEST(HttpProber, answers_are_read_as_go_reads_them) {
  EXPECT_EQ(Checking({}).run("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n")["probe_http_version"], 1.2);
  EXPECT_EQ(Checking({}).run("HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n")["probe_http_version"], 3);
  const Checked told = Checking({}).run("HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told.error, "a header line without a colon");
  EXPECT_EQ(told["probe_http_status_code"], 0);
  EXPECT_FALSE(Checking({}).run("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", End::kFin).success);
  EXPECT_TRUE(Checking({}).run(answer("200 OK", "A: " + std::string(20'000, 'x') + "\r\n")).success);
}

TEST(HttpProber, a_timeout_that_is_over_at_once_lets_nothing_happen) {
  Checking checking{{}};
  checking.timeout = 1;
  const Checked told = checking.once({plain({kHello})});
  EXPECT_EQ(told.outcome, Outcome::kTimeout);
  EXPECT_EQ(told.sent.front(), "");
  EXPECT_EQ(told["probe_http_duration_seconds phase=connect"], 0);
}

TEST(HttpProber, a_port_that_is_none_fails_where_it_would_connect) {
  Checking checking{{}};
  checking.target = "http://127.0.0.1:70000/ok";
  const Checked told = checking.fail(Outcome::kProtocolError, results::Phase::kDns);
  EXPECT_EQ(told.error, "address 127.0.0.1:70000: invalid port");
  EXPECT_EQ(told["probe_http_duration_seconds phase=connect"], 0);
  CheckRun run;
  run.target = checking.target;
  EXPECT_FALSE(checking.prober->plan(run));
  EXPECT_TRUE(run.plan.resolves);
  EXPECT_EQ(run.plan.endpoint.address, IpAddress::v4(0x7f000001));
}

TEST(HttpProber, lengths_are_those_that_go_tells) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  Checked told = Checking({}).run(chunked);
  EXPECT_EQ(told["probe_http_content_length"], -1);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 3);
  told = Checking({}).run("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(told["probe_http_content_length"], 0);
  told = Checking({}).run("HTTP/1.1 200 OK\r\n\r\nto the end", End::kFin);
  EXPECT_EQ(told["probe_http_content_length"], -1);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 10);
  HttpCheck head;
  head.method = "HEAD";
  told = Checking(head).run("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_content_length"], 1234);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 0);
}

TEST(HttpProber, last_modified_is_there_where_it_is_a_date) {
  EXPECT_EQ(
      Checking({}).run(answer(
          "200 OK", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"))["probe_http_last_modified_timestamp_seconds"],
      784111777);
  EXPECT_FALSE(Checking({})
                   .run(answer("200 OK", "Last-Modified: yesterday\r\n"))
                   .has("probe_http_last_modified_timestamp_seconds"));
}

TEST(HttpProber, method_headers_and_body_are_sent) {
  HttpCheck check;
  check.method = "POST";
  check.headers = {{"Host", "shop.example"}, {"Content-Type", "text/plain"}, {"accept", "a/b"}, {"User-Agent", "me"}};
  check.body = "one=1";
  const Checked told = Checking(check).run(kHello);
  EXPECT_EQ(told.sent.front(),
            "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 5\r\n"
            "Content-Type: text/plain\r\naccept: a/b\r\nUser-Agent: me\r\n\r\none=1");
}

TEST(HttpProber, the_body_is_that_of_a_file) {
  const std::string file = testing::TempDir() + "http_prober_body";
  std::ofstream(file) << "from a file";
  HttpCheck check;
  check.method = "PUT";
  check.body_file = file;
  EXPECT_TRUE(has(Checking(check).run(kHello).sent.front(), "\r\n\r\nfrom a file"));
  std::remove(file.c_str());
}

TEST(HttpProber, the_target_is_read_as_blackbox_reads_it) {
  struct Case {
    const char* target;
    const char* line;
    const char* host;
  };
  for (const Case& one : {Case{"127.0.0.1", "GET / ", "Host: 127.0.0.1\r\n"},
                          Case{"127.0.0.1:80/a?b=c#d", "GET /a?b=c ", "Host: 127.0.0.1:80\r\n"},
                          Case{"http://127.0.0.1:8080", "GET / ", "Host: 127.0.0.1:8080\r\n"},
                          Case{"http://Shop.example/x", "GET /x ", "Host: Shop.example\r\n"}}) {
    Checking checking{{}};
    checking.target = one.target;
    const Checked told = checking.run(kHello);
    EXPECT_TRUE(told.sent.front().starts_with(one.line)) << told.sent.front();
    EXPECT_TRUE(has(told.sent.front(), one.host)) << told.sent.front();
  }
  Checking upper{{}};  // a host of that name
  upper.target = "HTTP://127.0.0.1/";
  CheckRun run;
  run.target = upper.target;
  EXPECT_TRUE(upper.prober->plan(run));
  EXPECT_EQ(run.plan.host, "http");
}

TEST(HttpProber, a_user_in_the_url_is_basic_auth) {
  Checking checking{{}};
  checking.target = "http://me:a%40b@127.0.0.1/";
  const Checked told = checking.run(kHello);
  EXPECT_TRUE(has(told.sent.front(), "Authorization: Basic bWU6YUBi\r\n")) << told.sent.front();
  EXPECT_TRUE(has(told.sent.front(), "Host: 127.0.0.1\r\n"));
}

TEST(HttpProber, a_plan_has_host_port_families_and_time) {
  HttpCheck check;
  check.ip = {.prefers_v6 = false, .fallback = false};
  const Checking checking(check);
  CheckRun run;
  run.target = "https://shop.example/x";
  run.timeout = 3 * kSecond;
  ASSERT_TRUE(checking.prober->plan(run));
  EXPECT_EQ(run.plan.host, "shop.example");
  EXPECT_EQ(run.plan.endpoint.port, 443);
  EXPECT_EQ(run.plan.terms.timeout, 3 * kSecond);
  EXPECT_EQ(run.plan.terms.ip_version, engine::IpVersion::k4);
  run.target = "http://[::1]/";
  EXPECT_FALSE(checking.prober->plan(run));
}

TEST(HttpProber, without_an_address_there_is_the_search_alone) {
  Checking checking{{}};
  checking.target = "http://nowhere.example/";
  const Checked told = checking.fail(Outcome::kDnsError, results::Phase::kDns);
  EXPECT_FALSE(told.success);
  EXPECT_TRUE(told.has("probe_http_duration_seconds phase=resolve"));
  EXPECT_FALSE(told.has("probe_http_duration_seconds phase=connect"));
  EXPECT_EQ(told["probe_http_status_code"], 0);
  EXPECT_EQ(told.samples.size(), 8U);
  checking.target = "http://a b/";
  EXPECT_EQ(checking.fail(Outcome::kDnsError, results::Phase::kDns).samples.size(), 7U);
  checking.target = "http://127.0.0.1/";
  EXPECT_EQ(checking.fail(Outcome::kRefused, results::Phase::kConnect).samples.size(), 12U);
}

TEST(HttpProber, body_patterns_fail_a_run) {
  HttpCheck check;
  check.fail_if_body_matches = {pattern("err"), pattern("hel+o")};
  Checked told = Checking(check).run(kHello);
  EXPECT_EQ(told.cause, "body_regexp");
  EXPECT_EQ(told.error, "the body matches hel+o");
  EXPECT_EQ(told["probe_failed_due_to_regex"], 1);
  check.fail_if_body_matches = {};
  check.fail_if_body_not_matches = {pattern("hello"), pattern("bye")};
  told = Checking(check).run(kHello);
  EXPECT_EQ(told.error, "the body does not match bye");
  // A status that is wrong comes first; the patterns are not asked then.
  told = Checking(check).run(answer("500 Oops", "", "hello"));
  EXPECT_EQ(told.cause, "status_code");
  EXPECT_EQ(told["probe_failed_due_to_regex"], 0);
  check.fail_if_body_not_matches = {pattern("hello")};
  EXPECT_TRUE(Checking(check).run(kHello).success);
}

TEST(HttpProber, patterns_see_bytes_as_go_does) {
  HttpCheck check;
  check.fail_if_body_not_matches = {pattern("caf. ")};
  check.fail_if_header_not_matches = {{.header = "X-Kind", .regexp = pattern("^caf.$"), .allow_missing = false}};
  const Checked told = Checking(check).run(answer("200 OK", "X-Kind: caf\xe9\r\n", "caf\xe9 \xff"));
  EXPECT_TRUE(told.success) << told.error;
}

TEST(HttpProber, header_patterns_fail_a_run) {
  HttpCheck check;
  check.fail_if_header_matches = {{"X-Cache", pattern("miss"), true}};
  EXPECT_TRUE(Checking(check).run(kHello).success);
  Checked told = Checking(check).run(answer("200 OK", "x-cache: a hit\r\nX-Cache: a miss\r\n"));
  EXPECT_EQ(told.cause, "header_regexp");
  EXPECT_EQ(told.error, "the header X-Cache matches miss");
  EXPECT_EQ(told["probe_failed_due_to_regex"], 1);
  check.fail_if_header_matches = {{"X-Cache", pattern("miss"), false}};
  EXPECT_EQ(Checking(check).run(kHello).error, "the header X-Cache is missing");
  check.fail_if_header_matches = {};
  check.fail_if_header_not_matches = {{"Server", pattern("^nginx$"), false}};
  EXPECT_EQ(Checking(check).run(answer("200 OK", "Server: apache\r\n")).error,
            "the header Server does not match ^nginx$");
  EXPECT_TRUE(Checking(check).run(answer("200 OK", "Server: apache\r\nServer: nginx\r\n")).success);
}

TEST(HttpProber, ssl_is_wanted_or_not) {
  HttpCheck check;
  check.fail_if_not_ssl = true;
  const Checked told = Checking(check).run(kHello);
  EXPECT_EQ(told.cause, "no_ssl");
  check.fail_if_not_ssl = false;
  check.fail_if_ssl = true;
  EXPECT_TRUE(Checking(check).run(kHello).success);
}

TEST(HttpProber, a_body_has_a_size_limit) {
  HttpCheck check;
  check.body_size_limit = 5;
  const Checked told = Checking(check).run(kHello);
  EXPECT_EQ(told.cause, "body_size");
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 5);
  EXPECT_EQ(told["probe_http_content_length"], 6);
  check.body_size_limit = 6;
  EXPECT_TRUE(Checking(check).run(kHello).success);
}

// gzip of "hello\n", by zlib, without a time.
const std::string kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00", 26);

TEST(HttpProber, a_body_is_decoded_by_the_module_s_word_alone) {
  HttpCheck check;
  const std::string packed = answer("200 OK", "Content-Encoding: gzip\r\n", kGzip);
  Checked told = Checking(check).run(packed);
  EXPECT_TRUE(told.success);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 26);
  check.compression = "gzip";
  check.fail_if_body_not_matches = {pattern("^hello\n$")};
  told = Checking(check).run(packed);
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 6);
  EXPECT_EQ(told["probe_http_content_length"], 26);
  told = Checking(check).run(kHello);
  EXPECT_EQ(told.cause, "compression");
  EXPECT_EQ(told["probe_failed_due_to_regex"], 0);  // it was not asked
  told = Checking(check).run(answer("200 OK", "", kGzip.substr(0, 20)));
  EXPECT_EQ(told["probe_failed_due_to_regex"], 1);
  EXPECT_FALSE(told.success);
}

TEST(HttpProber, an_answer_that_breaks_off_has_its_samples) {
  const Checked told = Checking({}).run("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", End::kFin);
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told.outcome, Outcome::kClosed);
  EXPECT_EQ(told["probe_http_status_code"], 200);
  EXPECT_EQ(told["probe_http_content_length"], 9);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 5);
  EXPECT_EQ(Checking({}).run("HTTP/1.1 200 OK\r\nContent-Len", End::kReset)["probe_http_status_code"], 0);
  EXPECT_EQ(Checking({}).run("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nh").outcome, Outcome::kTimeout);
}

TEST(HttpProber, what_is_no_http_is_no_answer) {
  for (const char* text : {"SSH-2.0-x\r\n", "<html>old</html>", "hello\n"}) {
    const Checked told = Checking({}).run(text, End::kFin);
    EXPECT_FALSE(told.success) << text;
    EXPECT_EQ(told["probe_http_status_code"], 0) << text;
  }
}

TEST(HttpProber, credentials_are_sent) {
  HttpCheck check;
  check.basic_auth = {.username = "me", .password = "secret", .password_file = {}};
  EXPECT_TRUE(has(Checking(check).run(kHello).sent.front(), "Authorization: Basic bWU6c2VjcmV0\r\n"));
  const std::string file = testing::TempDir() + "http_prober_token";
  std::ofstream(file) << "  t0ken\n";
  check.basic_auth.reset();
  check.authorization = {.type = "Bearer", .credentials = {}, .credentials_file = file};
  EXPECT_TRUE(has(Checking(check).run(kHello).sent.front(), "Authorization: Bearer t0ken\r\n"));
  std::remove(file.c_str());
  check.headers = {{"Authorization", "Mine"}};
  check.authorization = {.type = "Bearer", .credentials = "x", .credentials_file = {}};
  EXPECT_FALSE(has(Checking(check).run(kHello).sent.front(), "Bearer"));
}

TEST(HttpProber, a_file_that_is_missing_is_named) {
  HttpCheck check;
  check.basic_auth = {.username = "me", .password = {}, .password_file = "/nowhere/password"};
  const auto made = make_http_prober({.http = check, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().text, "password_file: cannot read '/nowhere/password': No such file or directory");
}

TEST(HttpProber, a_hostname_is_the_host) {
  Checking checking{{}};
  checking.hostname = "shop.example";
  EXPECT_TRUE(has(checking.run(kHello).sent.front(), "Host: shop.example\r\n"));
}

TEST(HttpProber, keeps_as_much_of_the_body_as_is_wanted) {
  Checking checking{{}};
  checking.keeps_body = 4;
  EXPECT_EQ(checking.run(kHello).body, "hell");
  checking.keeps_body = 100;
  EXPECT_EQ(checking.run(kHello).body, "hello\n");
}

TEST(HttpProber, logs_its_steps) {
  Checking checking{{}};
  checking.keeps_log = true;
  const std::string log = checking.once({plain({answer("503 Busy")})}).log;
  for (const char* part : {"msg=\"Resolved target address\" target=127.0.0.1 ip=127.0.0.1",
                           "msg=\"Making HTTP request\" url=http://127.0.0.1/ host=127.0.0.1",
                           "msg=\"Received HTTP response\" status_code=503",
                           "msg=\"Invalid HTTP response status code, wanted 2xx\" status_code=503",
                           "msg=\"Response timings for roundtrip\" roundtrip=0"})
    EXPECT_TRUE(has(log, part)) << part << "\n" << log;
}

// --- redirects ---

std::string moved(const std::string& to, const std::string& status = "302 Found", const std::string& fields = {}) {
  return answer(status, "Location: " + to + "\r\n" + fields);
}

TEST(HttpProberRedirects, a_relative_one_keeps_address_and_host) {
  HttpCheck check;
  check.headers = {{"Host", "shop.example"}};
  const Checked told = Checking(check).run([] { return std::vector{plain({moved("/next")}), plain({kHello})}; });
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_redirects"], 1);
  EXPECT_EQ(told["probe_http_status_code"], 200);
  EXPECT_EQ(told.went, std::vector<std::string>{" 127.0.0.1 80"});
  EXPECT_TRUE(told.sent[1].starts_with("GET /next HTTP/1.1\r\nHost: shop.example\r\n")) << told.sent[1];
  EXPECT_TRUE(has(told.sent[1], "Referer: http://127.0.0.1/\r\n"));
}

TEST(HttpProberRedirects, an_absolute_one_is_resolved_anew_and_told_less) {
  HttpCheck check;
  check.headers = {{"Authorization", "mine"}, {"Cookie", "a=b"}, {"X-Own", "c"}};
  const Checked told =
      Checking(check).run([] { return std::vector{plain({moved("http://other.example:8080/x")}), plain({kHello})}; });
  EXPECT_EQ(told.went, std::vector<std::string>{"other.example ? 8080"});
  EXPECT_TRUE(has(told.sent[1], "Host: other.example:8080\r\n"));
  EXPECT_TRUE(has(told.sent[1], "X-Own: c\r\n"));
  EXPECT_FALSE(has(told.sent[1], "mine"));
  EXPECT_FALSE(has(told.sent[1], "a=b"));
}

TEST(HttpProberRedirects, credentials_go_to_the_target_s_own_names) {
  HttpCheck check;
  check.basic_auth = {.username = "me", .password = "secret", .password_file = {}};
  Checking checking(check);
  checking.target = "http://shop.example/";
  const Checked told = checking.run([] {
    return std::vector{plain({moved("http://www.shop.example/")}), plain({moved("http://evilshop.example/")}),
                       plain({kHello})};
  });
  EXPECT_TRUE(has(told.sent[1], "Authorization: Basic"));
  EXPECT_FALSE(has(told.sent[2], "Authorization"));
}

TEST(HttpProberRedirects, methods_are_go_s) {
  const auto second = [](const char* method, const char* status) {
    HttpCheck check;
    check.method = method;
    check.body = "x=1";
    const Checked told =
        Checking(check).run([&] { return std::vector{plain({moved("/b", status)}), plain({kHello})}; });
    return told.sent.size() < 2
               ? std::string("none")
               : told.sent[1].substr(0, told.sent[1].find('/') - 1) + (has(told.sent[1], "x=1") ? " with body" : "");
  };
  EXPECT_EQ(second("POST", "301 Moved"), "GET");
  EXPECT_EQ(second("PUT", "302 Found"), "GET");
  EXPECT_EQ(second("POST", "303 Other"), "GET");
  EXPECT_EQ(second("POST", "307 Temporary"), "POST with body");
  EXPECT_EQ(second("PUT", "308 Permanent"), "PUT with body");
  EXPECT_EQ(second("GET", "302 Found"), "GET");
}

TEST(HttpProberRedirects, cookies_are_kept) {
  const Checked told = Checking({}).run([] {
    return std::vector{plain({moved("/b", "302 Found", "Set-Cookie: session=1; Path=/\r\n")}), plain({kHello})};
  });
  EXPECT_TRUE(has(told.sent[1], "Cookie: session=1\r\n"));
}

TEST(HttpProberRedirects, those_that_are_not_followed_are_judged_without_body) {
  HttpCheck check;
  check.follow_redirects = false;
  check.valid_status_codes = {302};
  Checked told = Checking(check).run(moved("/b"));
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_redirects"], 1);
  EXPECT_EQ(told["probe_http_uncompressed_body_length"], 0);
  check.fail_if_body_not_matches = {pattern(".*")};
  told = Checking(check).run(moved("/b"));
  EXPECT_EQ(told.cause, "body_regexp");
  EXPECT_EQ(told["probe_failed_due_to_regex"], 1);
  EXPECT_EQ(Checking({}).run(answer("302 Found")).cause, "status_code");  // leads nowhere
}

TEST(HttpProberRedirects, ten_at_most) {
  const auto scene = [](std::size_t redirects) {
    std::vector<Meeting> meetings(redirects, Meeting());
    for (Meeting& meeting : meetings) meeting = plain({moved("/")});
    meetings.push_back(plain({kHello}));
    return meetings;
  };
  Checked told = Checking({}).run([&] { return scene(10); });
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_redirects"], 10);
  told = Checking({}).run([&] { return scene(11); });
  EXPECT_EQ(told.cause, "status_code");
  EXPECT_EQ(told["probe_http_redirects"], 11);
  EXPECT_EQ(told["probe_http_status_code"], 302);
}

TEST(HttpProberRedirects, one_that_leads_nowhere_is_no_answer) {
  Checked told = Checking({}).run(moved("http://a b/"));
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told["probe_http_redirects"], 0);
  told = Checking({}).run(moved("ftp://x.example/"));
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told["probe_http_redirects"], 1);
  EXPECT_EQ(told["probe_http_status_code"], 0);
  told = Checking({}).run(
      [] { return std::vector{plain({moved("http://gone.example/")}), unopened(Outcome::kDnsError)}; });
  EXPECT_EQ(told.outcome, Outcome::kDnsError);
  EXPECT_EQ(told.error, "redirected to http://gone.example/: dns_error");
  EXPECT_EQ(told["probe_http_status_code"], 0);
}

// --- proxies ---

TEST(HttpProberProxy, is_asked_for_the_whole_url) {
  HttpCheck check;
  check.proxy_url = "http://user:pw@127.0.0.2:3128";
  Checking checking(check);
  checking.target = "http://127.0.0.1:8080/x";
  const Checked told = checking.run(kHello);
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_TRUE(told.sent.front().starts_with("GET http://127.0.0.1:8080/x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"))
      << told.sent.front();
  EXPECT_TRUE(has(told.sent.front(), "Proxy-Authorization: Basic dXNlcjpwdw==\r\n"));
  CheckRun run;
  run.target = checking.target;
  ASSERT_TRUE(checking.prober->plan(run));
  EXPECT_EQ(run.plan.endpoint, (Endpoint{IpAddress::v4(0x7f000002), 3128}));
  EXPECT_TRUE(run.plan.resolves);
}

TEST(HttpProberProxy, may_do_the_resolving) {
  HttpCheck check;
  check.proxy_url = "http://127.0.0.2:3128";
  check.skip_resolve_phase_with_proxy = true;
  Checking checking(check);
  checking.target = "http://inside.example/";
  const Checked told = checking.run(kHello);
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_FALSE(told.has("probe_http_duration_seconds phase=resolve"));
  EXPECT_TRUE(has(told.sent.front(), "GET http://inside.example/ HTTP/1.1\r\n"));
}

TEST(HttpProberProxy, a_name_is_looked_for_before_it_is_asked) {
  HttpCheck check;
  check.proxy_url = "http://proxy.example:3128";
  Checking checking(check);
  checking.target = "http://shop.example:8080/x";
  const Checked told = checking.run([] { return std::vector{plain({}), plain({kHello})}; });
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told.sent.front(), "");
  EXPECT_EQ(told.went, std::vector<std::string>{"proxy.example ? 3128"});
  EXPECT_TRUE(told.sent.back().starts_with("GET http://shop.example:8080/x HTTP/1.1\r\nHost: shop.example:8080\r\n"))
      << told.sent.back();
  CheckRun run;
  run.target = checking.target;
  ASSERT_TRUE(checking.prober->plan(run));
  EXPECT_EQ(run.plan.host, "shop.example");
  EXPECT_EQ(run.plan.terms.transport, Transport::kNone);
  const Checked unknown = checking.fail(Outcome::kDnsError, results::Phase::kDns);
  EXPECT_TRUE(unknown.has("probe_http_duration_seconds phase=resolve"));
  EXPECT_FALSE(unknown.has("probe_http_duration_seconds phase=connect"));
}

TEST(HttpProberProxy, its_own_name_is_looked_for_in_both_families) {
  HttpCheck check;
  check.ip = {.prefers_v6 = true, .fallback = false};
  check.proxy_url = "http://localhost:3128";
  Checking checking(check);
  CheckRun run;
  run.target = "http://[::1]/";
  ASSERT_TRUE(checking.prober->plan(run));
  EXPECT_EQ(run.plan.host, "localhost");
  EXPECT_EQ(run.plan.terms.ip_version, engine::IpVersion::kPrefer4);
  run.target = "http://127.0.0.1/";  // of the wrong family
  EXPECT_FALSE(checking.prober->plan(run));
}

TEST(BrokenModule, has_the_samples_of_a_run_that_never_began) {
  const auto samples_of = [](ProberKind kind, const char* target) {
    CheckRun run;
    run.prober =
        *make_prober({.kind = kind, .http = {}, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}, .broken = "why"});
    run.target = target;
    run.ending.timing_us.fill(results::kNoTiming);
    const Parsed<> planned = run.prober->plan(run);
    EXPECT_EQ(planned.error().text, "module : why");
    run.ending.address = run.plan.endpoint.address;
    run.prober->conclude(run);
    EXPECT_FALSE(run.success);
    metrics::Samples samples;
    sample_run(run, 0, samples);
    std::map<std::string, int> names;
    for (const metrics::Sample& sample : samples.all()) ++names[sample.family->name];
    return names;
  };
  auto names = samples_of(ProberKind::kHttp, "http://127.0.0.1/");
  EXPECT_EQ(names["probe_http_duration_seconds"], 1);  // the search alone
  EXPECT_EQ(names["probe_http_status_code"], 1);
  EXPECT_EQ(names["probe_ip_protocol"], 1);
  names = samples_of(ProberKind::kTcp, "127.0.0.1:80");
  EXPECT_EQ(names["probe_failed_due_to_regex"], 1);
  names = samples_of(ProberKind::kGrpc, "127.0.0.1:80");
  EXPECT_EQ(names["probe_grpc_duration_seconds"], 1);
  EXPECT_EQ(names["probe_ip_protocol"], 0);
  EXPECT_FALSE(samples_of(ProberKind::kDns, "127.0.0.1").empty());
  EXPECT_FALSE(samples_of(ProberKind::kIcmp, "127.0.0.1").empty());
}

TEST(HttpProberProxy, other_kinds_are_refused) {
  HttpCheck check;
  check.proxy_url = "socks5://127.0.0.1:1080";
  EXPECT_FALSE(make_http_prober({.http = check, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}}));
}

// --- oauth2 ---

HttpCheck with_oauth() {
  HttpCheck check;
  check.oauth2 = {.client_id = "id",
                  .client_secret = "se cret",
                  .client_secret_file = {},
                  .token_url = "http://127.0.0.3:8000/token",
                  .proxy_url = {},
                  .scopes = {"a", "b"},
                  .endpoint_params = {{"k", "v&w"}},
                  .tls = {}};
  return check;
}

TEST(HttpProberOauth, a_token_is_fetched_first_and_kept) {
  const std::string token = answer("200 OK", "", R"({"access_token":"abc","token_type":"bearer","expires_in":3600})");
  Checking checking(with_oauth());
  const auto first = checking.once({plain({}), plain({token}), plain({kHello})});
  EXPECT_TRUE(first.success) << first.error;
  EXPECT_EQ(first.went, (std::vector<std::string>{" 127.0.0.3 8000", " 127.0.0.1 80"}));
  EXPECT_TRUE(has(first.sent[1], "POST /token HTTP/1.1\r\n"));
  EXPECT_TRUE(has(first.sent[1], "Authorization: Basic aWQ6c2UgY3JldA==\r\n")) << first.sent[1];
  EXPECT_TRUE(has(first.sent[1], "\r\n\r\ngrant_type=client_credentials&scope=a+b&k=v%26w"));
  EXPECT_TRUE(has(first.sent[2], "Authorization: Bearer abc\r\n"));
  const auto second = checking.once({plain({kHello})});
  EXPECT_TRUE(second.success) << second.error;
  EXPECT_TRUE(has(second.sent[0], "Authorization: Bearer abc\r\n"));
}

TEST(HttpProberOauth, a_server_that_takes_no_basic_is_asked_by_form) {
  const std::string token = answer("200 OK", "", R"({"access_token":"abc"})");
  const Checked told =
      Checking(with_oauth()).once({plain({}), plain({answer("401 No")}), plain({token}), plain({kHello})});
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_TRUE(has(told.sent[2], "&client_id=id&client_secret=se+cret"));
}

TEST(HttpProberOauth, without_a_token_nothing_is_asked) {
  Checked told = Checking(with_oauth()).once({plain({}), plain({answer("401 No")}), plain({answer("401 No")})});
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told.error, "of the token's server: the token was refused with status 401");
  EXPECT_EQ(told["probe_http_status_code"], 0);
  told = Checking(with_oauth()).once({plain({}), plain({answer("200 OK", "", "{}")})});
  EXPECT_EQ(told.error, "of the token's server: the token cannot be had: the answer has no access_token");
}

}  // namespace
}  // namespace sonde::probes
