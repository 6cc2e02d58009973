// The http probe with peers that do as they should: what is asked, and what a record tells of the answer, however it is
// cut.
#include "probes/http/http_probe.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/version.h"
#include "probes/http/drive.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder
using Options = Ready::Options;

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
const std::string kHelloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

Told tell(const Options& options, const Drive::Scene& scene, Drive how = {}) {
  Ready ready(options);
  return how.run_cut(ready, scene);
}
Told tell(const Options& options, const std::string& answer, End end = End::kSilence, Drive how = {}) {
  return tell(options, [&] { return std::vector{plain({answer}, end)}; }, std::move(how));
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string with_length(const std::string& body, const std::string& headers = {}) {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  SONDE_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SONDE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(HttpProbe, tells_of_the_answer) {
  const Told told = tell({}, with_length("<title>Well &amp; good</title>\n",
                                         "Server: nginx/1.22.1\r\nContent-Type: Text/HTML; charset=utf-8\r\n"
                                         "Set-Cookie: a=1\r\nset-cookie: b=2\r\n"));
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  const std::map<std::string, std::string> expected = {
      {"http.url", "http://test.example/"},
      {"http.method", "GET"},
      {"http.version", "1.1"},
      {"http.status", "200"},
      {"http.reason", "OK"},
      {"http.headers",
       R"({"server":"nginx/1.22.1","content-type":"Text/HTML; charset=utf-8","set-cookie":["a=1","b=2"],"content-length":"31"})"},
      {"http.title", "Well & good"},
      {"http.content_type", "text/html"},
      {"http.content_length", "31"},
      {"http.body_bytes", "31"},
      {"http.body_sha256", told["http.body_sha256"]},
      {"http.truncated", "false"}};
  EXPECT_EQ(told.fields, expected);
  EXPECT_EQ(told["http.body_sha256"].size(), 64U);
  EXPECT_TRUE(told.went.empty());
}

TEST(HttpProbe, the_request_is_what_was_asked_for) {
  EXPECT_EQ(tell({}, kHello).sent.front(),
            "GET / HTTP/1.1\r\nHost: test.example\r\nUser-Agent: sonde/" + std::string(kVersion) +
                "\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: close\r\n\r\n");
  const Told told = tell({{"method", "POST"},
                          {"path", "/a?b"},
                          {"header", "Host: other.example"},
                          {"header", "Accept:"},
                          {"header", "X-A: 1"},
                          {"header", "X-A: 2"},
                          {"body", "k=v"},
                          {"user-agent", ""}},
                         kHello);
  EXPECT_EQ(told.sent.front(),
            "POST /a?b HTTP/1.1\r\nHost: other.example\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
            "Connection: close\r\nContent-Length: 3\r\nX-A: 1\r\nX-A: 2\r\n\r\nk=v");
  EXPECT_EQ(told["http.url"], "http://test.example/a?b");
  EXPECT_EQ(told["http.method"], "POST");
}

TEST(HttpProbe, a_targets_own_address_is_asked_for) {
  Drive url{.host = "", .scheme = "http", .path = "/a b/../c?d=\"e\"#f"};
  url.endpoint.port = 8080;
  const Told told = tell({}, kHello, End::kSilence, std::move(url));
  EXPECT_EQ(told["http.url"], "http://127.0.0.1:8080/c?d=%22e%22");
  EXPECT_TRUE(told.sent.front().starts_with("GET /c?d=%22e%22 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
  Drive v6{.host = "", .endpoint = {.address = *parse_ip("2001:db8::1"), .port = 81}};
  EXPECT_EQ(tell({}, kHello, End::kSilence, std::move(v6))["http.url"], "http://[2001:db8::1]:81/");
}

TEST(HttpProbe, bodies_end_as_their_framing_says) {
  for (const std::string& answer :
       {kHello,
        std::string(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n4;x=y\r\nllo\n\r\n0\r\nT: u\r\n\r\n")}) {
    const Told told = tell({}, answer);
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.body_sha256"], kHelloSha256);
    EXPECT_EQ(told["http.body_bytes"], "6");
  }
  const Told until_close = tell({}, "HTTP/1.0 200 OK\r\n\r\nhello\n", End::kFin);
  EXPECT_EQ(until_close.outcome, Outcome::kSuccess) << until_close.error;
  EXPECT_EQ(until_close["http.version"], "1.0");
  EXPECT_EQ(until_close["http.body_sha256"], kHelloSha256);
  EXPECT_EQ(until_close["http.truncated"], "false");
  EXPECT_FALSE(until_close.has("http.content_length"));
}

TEST(HttpProbe, answers_without_a_body) {
  for (const char* answer :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    const Told told = tell({}, answer);
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << answer << told.error;
    EXPECT_EQ(told["http.body_bytes"], "0") << answer;
    EXPECT_FALSE(told.has("http.body_sha256")) << answer;
    EXPECT_EQ(told["http.truncated"], "false") << answer;
  }
  const Told head =
      tell({{"method", "HEAD"}}, "HTTP/1.1 200 OK\r\nContent-Length: 615\r\nContent-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(head.outcome, Outcome::kSuccess) << head.error;
  EXPECT_EQ(head["http.content_length"], "615");
  EXPECT_EQ(head["http.body_bytes"], "0");
  EXPECT_EQ(head["http.truncated"], "false");
  EXPECT_FALSE(head.has("http.body_error"));
}

TEST(HttpProbe, interim_answers_are_passed_over) {
  const Told told = tell({}, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kHello);
  EXPECT_EQ(told["http.status"], "200");
  EXPECT_EQ(told["http.headers"], R"({"content-length":"6"})");
  EXPECT_EQ(told["http.body_sha256"], kHelloSha256);
}

TEST(HttpProbe, any_status_is_an_answer) {
  for (const char* status : {"301", "404", "500", "999"})
    EXPECT_EQ(tell({}, std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n").outcome,
              Outcome::kSuccess);
}

TEST(HttpProbe, an_answer_of_http_0_9_is_all_body) {
  const Told told = tell({}, "<html><title>old</title></html>\n", End::kFin);
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.version"], "0.9");
  EXPECT_EQ(told["http.title"], "old");
  EXPECT_EQ(told["http.body_bytes"], "32");
  EXPECT_FALSE(told.has("http.status"));
  EXPECT_FALSE(told.has("http.headers"));
}

TEST(HttpProbe, encoded_bodies_are_decoded) {
  const Told told =
      tell({}, with_length(gzip("<title>packed</title>"), "Content-Encoding: gzip\r\nContent-Type: text/html\r\n"));
  EXPECT_EQ(told["http.title"], "packed");
  EXPECT_EQ(told["http.body_bytes"], "21");
  EXPECT_EQ(told["http.content_encoding"], "gzip");
  EXPECT_EQ(told["http.truncated"], "false");
  EXPECT_FALSE(told.has("http.body_error"));
}

TEST(HttpProbe, what_cannot_be_decoded_is_told) {
  const std::string packed = gzip("hello hello hello");
  const Told cut_short = tell({}, with_length(packed.substr(0, packed.size() - 4), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(cut_short.outcome, Outcome::kSuccess);
  EXPECT_EQ(cut_short["http.body_error"], "the encoded data ends early");
  EXPECT_EQ(cut_short["http.truncated"], "true");
  const Told broken = tell({}, with_length("no gzip at all", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(broken.outcome, Outcome::kSuccess);
  EXPECT_TRUE(broken["http.body_error"].starts_with("gzip: ")) << broken["http.body_error"];
  const Told strange = tell({{"keep-body", "true"}}, with_length("as it is", "Content-Encoding: rot13\r\n"));
  EXPECT_EQ(strange["http.body_error"], "a content coding that is not known");
  EXPECT_EQ(strange["http.body"], "as it is");
  EXPECT_EQ(strange["http.truncated"], "false");
}

TEST(HttpProbe, max_body_bounds_what_is_read) {
  const std::string body(1000, 'x');
  const Told enough = tell({{"max-body", "10"}, {"keep-body", "true"}}, with_length(body));
  EXPECT_EQ(enough.outcome, Outcome::kSuccess);
  EXPECT_EQ(enough["http.body"], "xxxxxxxxxx");
  EXPECT_EQ(enough["http.body_bytes"], "10");
  EXPECT_EQ(enough["http.content_length"], "1000");
  EXPECT_EQ(enough["http.truncated"], "true");
  const Told exact = tell({{"max-body", "1000"}}, with_length(body));
  EXPECT_EQ(exact["http.body_bytes"], "1000");
  EXPECT_EQ(exact["http.truncated"], "false");
  const Told none = tell({{"max-body", "0"}}, with_length(body));
  EXPECT_EQ(none.outcome, Outcome::kSuccess);
  EXPECT_EQ(none["http.body_bytes"], "0");
  EXPECT_EQ(none["http.truncated"], "true");
  EXPECT_EQ(tell({{"max-body", "0"}}, with_length(""))["http.truncated"], "false");
}

TEST(HttpProbe, a_bomb_is_read_up_to_max_body) {
  const std::string bomb = gzip(std::string(std::size_t{64} << 20, '\0'));
  const Told told = tell({{"max-body", "100k"}}, with_length(bomb, "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_EQ(told["http.body_bytes"], "102400");
  EXPECT_EQ(told["http.truncated"], "true");
  EXPECT_LT(told.heard, bomb.size()) << "the rest was not read";
}

TEST(HttpProbe, expectations_are_told_and_spoil_nothing) {
  const Options options = {{"expect-status", "200-299,301"}, {"expect-body", "h.llo\\s$"}};
  const Told met = tell(options, kHello);
  EXPECT_EQ(met["http.expect.status"], "true");
  EXPECT_EQ(met["http.expect.body"], "true");
  const Told unmet = tell(options, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n");
  EXPECT_EQ(unmet.outcome, Outcome::kSuccess);
  EXPECT_EQ(unmet["http.expect.status"], "false");
  EXPECT_EQ(unmet["http.expect.body"], "false");
  EXPECT_EQ(tell(options, "HTTP/1.1 204 No\r\n\r\n")["http.expect.body"], "false") << "an empty body has none of it";
  const Told broken_off = tell(options, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nh", End::kFin);
  EXPECT_EQ(broken_off["http.expect.status"], "true");
  EXPECT_FALSE(broken_off.has("http.expect.body")) << "not tested is never false";
  const Told found = tell({{"expect-body", "hello"}}, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello", End::kFin);
  EXPECT_EQ(found["http.expect.body"], "true");
}

TEST(HttpProbe, several_paths_go_over_one_connection) {
  const std::string second =
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<title>no</title>\n";
  const Told told = tell({{"path", "/a"}, {"path", "/b"}}, [&] { return std::vector{plain({kHello, second})}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.url"], "http://test.example/a") << "what was asked for first";
  EXPECT_EQ(told["http.status"], "404") << "the last";
  EXPECT_EQ(told["http.requests"], "2");
  EXPECT_FALSE(told.has("http.connections"));
  EXPECT_EQ(
      told["http.responses"],
      R"([{"url":"http://test.example/a","status":200,"body_bytes":6,"body_sha256":")" + kHelloSha256 +
          R"(","truncated":false,"timing_us":{"connect":0,"first_byte":0,"transfer":0,"total":0}},)"
          R"({"url":"http://test.example/b","status":404,"content_type":"text/html","title":"no","body_bytes":18,)"
          R"("body_sha256":")" +
          told["http.body_sha256"] + R"(","truncated":false,"timing_us":{"first_byte":0,"transfer":0,"total":0}}])");
  EXPECT_TRUE(has(told.sent.front(), "GET /a HTTP/1.1\r\n"));
  EXPECT_TRUE(has(told.sent.front(), "Connection: keep-alive\r\n"));
  EXPECT_TRUE(has(told.sent.front(), "GET /b HTTP/1.1\r\n"));
}

TEST(HttpProbe, repeats_go_over_one_connection_where_the_server_lets_us) {
  const Told kept = tell({{"repeat", "3"}}, [&] { return std::vector{plain({kHello, kHello, kHello})}; });
  EXPECT_EQ(kept["http.requests"], "3");
  EXPECT_TRUE(kept.went.empty());
  EXPECT_FALSE(kept.has("http.responses")) << "one path";
  const std::string last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
  const Told closed = tell({{"repeat", "3"}}, [&] { return std::vector{plain({last}), plain({kHello, kHello})}; });
  EXPECT_EQ(closed.outcome, Outcome::kSuccess);
  EXPECT_EQ(closed["http.connections"], "2");
  EXPECT_EQ(closed.went, std::vector<std::string>{"test.example 127.0.0.1 80"});
  const Told both = tell({{"path", "/a"}, {"path", "/b"}, {"repeat", "2"}},
                         [&] { return std::vector{plain({kHello, last}), plain({kHello, kHello})}; });
  EXPECT_EQ(both["http.requests"], "4");
  EXPECT_EQ(std::ranges::count(both["http.responses"], '{'), 4) << "of each path one, with its timing";
}

TEST(HttpProbe, a_kept_connection_that_is_lost_in_the_moment_of_its_use_is_replaced) {
  for (const End end : {End::kFin, End::kReset}) {
    const auto scene = [&] { return std::vector{plain({kHello}, end), plain({kHello})}; };
    const Told told = tell({{"repeat", "2"}}, scene);
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.requests"], "2");
    EXPECT_EQ(told["http.connections"], "2");
    // What may have been acted on is not asked for again.
    const Told posted = tell({{"repeat", "2"}, {"method", "POST"}}, scene);
    EXPECT_EQ(posted.outcome, end == End::kFin ? Outcome::kClosed : Outcome::kReset);
    EXPECT_EQ(posted["http.requests"], "1");
    EXPECT_EQ(posted.error, end == End::kFin ? "closed without an answer" : "reset without an answer");
  }
  const Told twice =
      tell({{"repeat", "2"}}, [&] { return std::vector{plain({kHello}, End::kFin), plain({}, End::kFin)}; });
  EXPECT_EQ(twice.outcome, Outcome::kClosed) << "on a connection of its own it was heard";
}

TEST(HttpProbe, has_no_more_connections_than_the_engine_gives) {
  Ready ready(Options{{"repeat", "600"}});
  std::vector<Meeting> meetings;
  meetings.reserve(513);
  for (int i = 0; i < 512; ++i)
    meetings.push_back(plain({"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}));
  meetings.push_back(unopened(Outcome::kTimeout));
  Drive drive;
  const Told told = drive.run(ready, meetings);
  EXPECT_EQ(told.outcome, Outcome::kTimeout);
  EXPECT_EQ(told.error, "512 connections were not enough for all requests");
  EXPECT_EQ(told["http.requests"], "512");
}

TEST(HttpProbe, what_follows_an_answer_unasked_spoils_the_connection_alone) {
  Ready ready(Options{{"repeat", "2"}});
  Drive drive;
  const Told surplus = drive.run(ready, {plain({kHello + "HTTP/1.1 500 Smuggled\r\n\r\n"}), plain({kHello})});
  EXPECT_EQ(surplus.outcome, Outcome::kSuccess);
  EXPECT_EQ(surplus["http.status"], "200");
  EXPECT_EQ(surplus["http.connections"], "2");
}

TEST(HttpProbe, the_dialogue_is_what_was_said) {
  const Told told = tell({{"dialogue", "true"}, {"user-agent", "me"}, {"path", "/a"}, {"path", "/b"}}, [&] {
    return std::vector{plain({"HTTP/1.1 200 OK\r\nX: \x1b[2J\r\nContent-Length: 2\r\n\r\nhi", kHello})};
  });
  EXPECT_EQ(told["http.dialogue"],
            "> GET /a HTTP/1.1\n> Host: test.example\n> User-Agent: me\n> Accept: */*\n"
            "> Accept-Encoding: gzip, deflate, br, zstd\n> Connection: keep-alive\n"
            "< HTTP/1.1 200 OK\n< X: \\x1b[2J\n< Content-Length: 2\n"
            "> GET /b HTTP/1.1\n> Host: test.example\n> User-Agent: me\n> Accept: */*\n"
            "> Accept-Encoding: gzip, deflate, br, zstd\n> Connection: keep-alive\n"
            "< HTTP/1.1 200 OK\n< Content-Length: 6\n");
  const Told broken = tell({{"dialogue", "true"}}, "HTTP/1.1 200 OK\r\nA: b\r\nB", End::kFin);
  EXPECT_TRUE(broken["http.dialogue"].ends_with("< HTTP/1.1 200 OK\n< A: b\n")) << broken["http.dialogue"];
}

TEST(HttpProbe, a_title_is_of_html_alone) {
  const std::string page = "<title>T\x01t</title>";
  EXPECT_EQ(tell({}, with_length(page))["http.title"], "T t") << "no Content-Type";
  EXPECT_EQ(tell({}, with_length(page, "Content-Type: application/xhtml+xml\r\n"))["http.title"], "T t");
  EXPECT_FALSE(tell({}, with_length(page, "Content-Type: text/plain\r\n")).has("http.title"));
  const std::string hostile = std::string("<title>a\0b\x9b\xff</title>", 20);
  const Told told = tell({}, with_length(hostile));
  EXPECT_EQ(told["http.title"], "a b\\x9b\\xff");
}

TEST(HttpProbe, a_larger_body_is_sent_whole) {
  const std::string body(300'000, 'b');
  Ready ready(Options{{"method", "PUT"}, {"body", body}});
  Drive drive;
  const Told told = drive.run(ready, {plain({kHello})});
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_TRUE(told.sent.front().ends_with(body));
}

}  // namespace
}  // namespace sonde::probes
