// The http probe with peers of HTTP/2, over TLS and in the clear.
#include <gtest/gtest.h>

#include "probes/http/drive_tls.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder
using Options = Ready::Options;

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(HttpTwo, over_tls_where_the_server_chooses_it) {
  const Told told = tell_over_tls({}, [] {
    return std::vector{over_tls(
        server("h2"),
        http2_peer(serves({{"/",
                            {.fields = {{":status", "200"}, {"content-type", "text/html"}, {"x-a", "1"}, {"x-a", "2"}},
                             .body = "<title>two</title>",
                             .trailers = {{"t", "u"}},
                             .early_hints = true}}})))};
  });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.version"], "2");
  EXPECT_EQ(told["http.status"], "200");
  EXPECT_FALSE(told.has("http.reason"));
  EXPECT_EQ(told["http.title"], "two");
  EXPECT_EQ(told["http.headers"], R"({"content-type":"text/html","x-a":["1","2"]})");
  EXPECT_EQ(told["http.body_bytes"], "18");
  EXPECT_EQ(told["tls.alpn"], "h2");
}

TEST(HttpTwo, in_the_clear_by_prior_knowledge) {
  Ready ready(Options{{"http", "2"}, {"path", "/a"}, {"path", "/b"}, {"dialogue", "true"}, {"user-agent", "me"}});
  Drive how;
  const Told told = how.run_cut(ready, [] { return std::vector{http2_peer(serves())}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.url"], "http://test.example/a");
  EXPECT_EQ(told["http.requests"], "2");
  EXPECT_TRUE(told.went.empty()) << "over one connection";
  EXPECT_EQ(told["http.dialogue"],
            "> GET http://test.example/a HTTP/2\n> user-agent: me\n> accept: */*\n"
            "> accept-encoding: gzip, deflate, br, zstd\n< HTTP/2 200\n"
            "> GET http://test.example/b HTTP/2\n> user-agent: me\n> accept: */*\n"
            "> accept-encoding: gzip, deflate, br, zstd\n< HTTP/2 200\n");
}

TEST(HttpTwo, the_request_is_what_was_asked_for) {
  std::string seen;
  Ready ready(Options{{"http", "2"},
                      {"method", "POST"},
                      {"body", "k=v"},
                      {"header", "Host: other.example"},
                      {"header", "Accept:"},
                      {"header", "X-A: 1"},
                      {"header", "X-A: 2"},
                      {"header", "Connection: upgrade"},
                      {"user-agent", ""}});
  Drive how;
  const Told told = how.run(ready, {http2_peer([&seen](http2::MemoryServer& peer) {
                              peer.answer = [&seen](http2::MemoryServer& self, http2::StreamId id) {
                                seen = self.seen[id].fields + self.seen[id].body;
                                self.respond(id, {});
                              };
                            })});
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(seen,
            ":method=POST :scheme=http :authority=other.example :path=/ accept-encoding=gzip, deflate, br, zstd "
            "x-a=1 x-a=2 content-length=3 k=v");
}

TEST(HttpTwo, head_has_no_body) {
  Ready ready(Options{{"http", "2"}, {"method", "HEAD"}});
  Drive how;
  const Told told = how.run_cut(ready, [] {
    return std::vector{
        http2_peer(serves({{"/", {.fields = {{":status", "200"}, {"content-length", "615"}}, .body = {}}}}))};
  });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.content_length"], "615");
  EXPECT_EQ(told["http.body_bytes"], "0");
  EXPECT_EQ(told["http.truncated"], "false");
}

TEST(HttpTwo, max_body_ends_a_stream_and_keeps_the_connection) {
  Ready ready(Options{{"http", "2"}, {"max-body", "10"}, {"path", "/a"}, {"path", "/b"}});
  Drive how;
  const Told told = how.run(ready, {http2_peer(serves({{"/a", {.body = std::string(100'000, 'x')}}}))});
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_TRUE(has(told["http.responses"], R"("body_bytes":10,)"));
  EXPECT_EQ(told["http.requests"], "2");
  EXPECT_TRUE(told.went.empty());
}

TEST(HttpTwo, redirects_and_their_cookies) {
  Ready ready(Options{{"http", "2"}, {"follow", "3"}});
  Drive how;
  std::string cookie;
  const Told told = how.run_cut(ready, [&cookie] {
    return std::vector{http2_peer([&cookie](http2::MemoryServer& peer) {
      peer.answer = [&cookie](http2::MemoryServer& self, http2::StreamId id) {
        if (id == 1)
          return self.respond(
              id, {.fields = {{":status", "302"}, {"location", "/there"}, {"set-cookie", "a=1"}}, .body = {}});
        cookie = self.seen[id].fields;
        self.respond(id, {.body = "there"});
      };
    })};
  });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.final_url"], "http://test.example/there");
  EXPECT_TRUE(told.went.empty());
  EXPECT_TRUE(has(cookie, "cookie=a=1 ")) << cookie;
}

Http2Peer::Setup resets(std::uint32_t code) {
  return [code](http2::MemoryServer& peer) {
    peer.answer = [code](http2::MemoryServer& self, http2::StreamId id) {
      nghttp2_submit_rst_stream(self.session, NGHTTP2_FLAG_NONE, id, code);
    };
  };
}

TEST(HttpTwo, a_stream_that_is_broken_off) {
  Ready ready(Options{{"http", "2"}});
  Drive how;
  const Told told = how.run_cut(ready, [] { return std::vector{http2_peer(resets(NGHTTP2_INTERNAL_ERROR))}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.error, "the server broke the stream off (INTERNAL_ERROR)");
  EXPECT_FALSE(told.has("http.speaks"));
}

TEST(HttpTwo, what_was_refused_unseen_is_asked_for_once_more) {
  const auto goes_away = [](http2::MemoryServer& peer) {
    peer.answer = [](http2::MemoryServer& self, http2::StreamId) {
      nghttp2_submit_goaway(self.session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
    };
  };
  Ready ready(Options{{"http", "2"}, {"method", "POST"}});
  Drive how;
  for (const Http2Peer::Setup& refuses : {resets(NGHTTP2_REFUSED_STREAM), Http2Peer::Setup(goes_away)}) {
    const Told told = how.run_cut(ready, [&] { return std::vector{http2_peer(refuses), http2_peer(serves())}; });
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.connections"], "2");
    const Told twice = how.run_cut(ready, [&] { return std::vector{http2_peer(refuses), http2_peer(refuses)}; });
    EXPECT_EQ(twice.outcome, Outcome::kProtocolError) << "once";
  }
}

TEST(HttpTwo, a_goodbye_between_requests_needs_another_connection) {
  Ready ready(Options{{"http", "2"}, {"repeat", "2"}});
  Drive how;
  const Told told = how.run_cut(ready, [] {
    return std::vector{http2_peer([](http2::MemoryServer& peer) {
                         peer.answer = [](http2::MemoryServer& self, http2::StreamId id) {
                           nghttp2_submit_goaway(self.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR, nullptr, 0);
                           self.respond(id, {});
                         };
                       }),
                       http2_peer(serves())};
  });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.requests"], "2");
  EXPECT_EQ(told["http.connections"], "2");
}

TEST(HttpTwo, ends_before_the_answer) {
  Ready ready(Options{{"http", "2"}});
  Drive how;
  const auto mute = [](http2::MemoryServer& peer) { peer.answer = [](http2::MemoryServer&, http2::StreamId) {}; };
  const auto end = [&](End with) { return how.run_cut(ready, [&] { return std::vector{http2_peer(mute, with)}; }); };
  EXPECT_EQ(end(End::kFin).outcome, Outcome::kClosed);
  EXPECT_EQ(end(End::kFin).error, "the server closed the connection before its answer");
  EXPECT_EQ(end(End::kReset).error, "reset without an answer");
  EXPECT_EQ(end(End::kSilence).outcome, Outcome::kTimeout);
  EXPECT_EQ(end(End::kSilence).error, "") << "settings are no answer: the engine knows the cause";
  const Told word = how.run_cut(ready, [] { return std::vector{plain({}, End::kFin)}; });
  EXPECT_EQ(word.outcome, Outcome::kClosed);
  const auto begins = [](http2::MemoryServer& peer) {
    peer.answer = [](http2::MemoryServer& self, http2::StreamId id) {
      nghttp2_nv status{reinterpret_cast<std::uint8_t*>(const_cast<char*>(":status")),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>("200")), 7, 3, NGHTTP2_NV_FLAG_NONE};
      nghttp2_submit_headers(self.session, NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr);
    };
  };
  const Told half = how.run_cut(ready, [&] { return std::vector{http2_peer(begins, End::kFin)}; });
  EXPECT_EQ(half.outcome, Outcome::kClosed);
  EXPECT_EQ(half["http.status"], "200");
  EXPECT_FALSE(half.has("http.body_bytes"));
  const Told stuck = how.run_cut(ready, [&] { return std::vector{http2_peer(begins)}; });
  EXPECT_EQ(stuck.outcome, Outcome::kTimeout);
  EXPECT_EQ(stuck.error, "the answer did not end in time");
}

TEST(HttpTwo, who_does_not_speak_it_is_named) {
  Ready ready(Options{{"http", "2"}});
  Drive how;
  for (const auto& [text, name] : std::vector<std::pair<std::string, std::string>>{
           {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "http"},
           {"SSH-2.0-OpenSSH_9.2p1\r\n", "ssh"},
           {std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "tls"}}) {
    for (const End end : {End::kSilence, End::kFin, End::kReset}) {
      const Told told = how.run_cut(ready, [&] { return std::vector{saying(text, end)}; });
      EXPECT_EQ(told.outcome, Outcome::kProtocolError) << name;
      EXPECT_EQ(told["http.speaks"], name);
      EXPECT_EQ(told.error, "the port speaks " + name + ", not HTTP/2");
    }
  }
  const Told refuses = tell_over_tls({{"http", "2"}}, [] { return std::vector{over_tls(server(), plain({kHello}))}; });
  EXPECT_EQ(refuses.outcome, Outcome::kProtocolError);
  EXPECT_EQ(refuses.error, "the server does not choose HTTP/2");
  EXPECT_EQ(refuses["tls.version"], "TLS1.3");
}

TEST(HttpTwo, who_breaks_it) {
  Ready ready(Options{{"http", "2"}});
  Drive how;
  const std::string settings = http2::frame(NGHTTP2_SETTINGS, 0, 0, "");
  const Told told =
      how.run_cut(ready, [&] { return std::vector{saying(settings + http2::frame(NGHTTP2_DATA, 0, 0, "no stream"))}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_TRUE(has(told.error, "HTTP/2 was broken")) << told.error;
}

}  // namespace
}  // namespace sonde::probes
