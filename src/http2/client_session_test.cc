#include "http2/client_session.h"

#include <gtest/gtest.h>

#include "http2/memory_server.h"

namespace sonde::http2 {
namespace {

using State = ClientSession::State;
using Failure = ClientSession::Failure;

constexpr Request kGet = {.authority = "a.example"};
const std::string kSettings = frame(NGHTTP2_SETTINGS, 0, 0, "");
const std::string kEndOfAnswer =
    frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, kStatus200);

std::string headers(std::uint32_t stream, std::string_view block, unsigned more_flags = 0) {
  return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | more_flags, stream, block);
}
std::string data(std::uint32_t stream, std::string_view bytes, unsigned flags = 0) {
  return frame(NGHTTP2_DATA, flags, stream, bytes);
}
std::string goaway(std::uint32_t last, std::uint32_t code) {
  std::string payload(8, '\0');
  payload[3] = static_cast<char>(last);
  payload[7] = static_cast<char>(code);
  return frame(NGHTTP2_GOAWAY, 0, 0, payload);
}

TEST(Http2, a_request_and_its_answer) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) {
    self.respond(
        id, {.fields = {{":status", "404"}, {"server", "test"}, {"content-type", "text/plain"}}, .body = "not here"});
  };
  Log log;
  const Header fields[] = {{"User-Agent", "sonde"}, {"Accept", "*/*"}};
  const StreamId id =
      client.submit({.scheme = "http", .authority = "a.example:8080", .path = "/x?y", .headers = fields}, log);
  ASSERT_NE(id, kNoStream);
  EXPECT_EQ(client.streams(), 1U);
  converse(client, server);
  EXPECT_EQ(server.seen[id].fields,
            ":method=GET :scheme=http :authority=a.example:8080 :path=/x?y user-agent=sonde accept=*/* ");
  EXPECT_EQ(log.text, "404 server=test content-type=text/plain;not here.");
  EXPECT_EQ(client.streams(), 0U);
  EXPECT_EQ(client.state(), State::kOpen);
}

TEST(Http2, what_http2_does_not_have_is_left_out_of_a_request) {
  ClientSession client;
  MemoryServer server;
  Log log;
  const Header fields[] = {
      {"Connection", "close"}, {"Host", "x"},      {"Keep-Alive", "1"}, {"Transfer-Encoding", "chunked"},
      {"TE", "gzip"},          {"te", "trailers"}, {"Upgrade", "h2c"},  {"X-A", "1"}};
  const StreamId id =
      client.submit({.method = "POST", .authority = "a", .headers = fields, .body = bytes_of("abc")}, log);
  converse(client, server);
  EXPECT_EQ(server.seen[id].fields,
            ":method=POST :scheme=https :authority=a :path=/ te=trailers x-a=1 content-length=3 ");
  EXPECT_EQ(server.seen[id].body, "abc");
  EXPECT_EQ(log.text, "200.");
}

TEST(Http2, a_request_that_no_header_may_hold_is_not_taken) {
  ClientSession client;
  Log log;
  const auto taken = [&](const Request& request) { return client.submit(request, log) != kNoStream; };
  const Header split[] = {{"a", "b\r\nc: d"}}, pseudo[] = {{":path", "/b"}}, nameless[] = {{"", "x"}};
  EXPECT_FALSE(taken({.headers = split}));
  EXPECT_FALSE(taken({.headers = pseudo}));
  EXPECT_FALSE(taken({.headers = nameless}));
  EXPECT_FALSE(taken({.method = "GE T"}));
  EXPECT_FALSE(taken({.method = "CONNECT"}));
  EXPECT_FALSE(taken({.scheme = "ftp"}));
  EXPECT_FALSE(taken({.authority = "a b"}));
  EXPECT_FALSE(taken({.path = "/a b"}));
  EXPECT_FALSE(taken({.path = ""}));
  EXPECT_TRUE(taken({}));
}

TEST(Http2, interim_answers_are_passed_over_and_trailers_told_apart) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) {
    self.respond(id, {.fields = {{":status", "200"}, {"a", "1"}},
                      .body = "body",
                      .trailers = {{"grpc-status", "0"}, {"b", "2"}},
                      .early_hints = true});
  };
  Log log;
  client.submit(kGet, log);
  converse(client, server);
  EXPECT_EQ(log.text, "200 a=1;body; grpc-status=0 b=2.");
}

TEST(Http2, requests_in_sequence_and_at_once) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) {
    self.respond(id, {.body = std::string(100'000, static_cast<char>('a' + id % 26))});
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<Log> logs(ClientSession::kStreamsMax);
    std::vector<StreamId> ids;
    ids.reserve(logs.size());
    for (Log& log : logs) ids.push_back(client.submit(kGet, log));
    Log one_more;
    EXPECT_EQ(client.submit(kGet, one_more), kNoStream) << "kStreamsMax are there";
    converse(client, server);
    for (std::size_t i = 0; i < logs.size(); ++i)
      EXPECT_EQ(logs[i].text, "200;" + std::string(100'000, static_cast<char>('a' + ids[i] % 26)) + ".");
  }
}

TEST(Http2, a_server_may_allow_few_streams_at_once) {
  ClientSession client;
  MemoryServer server({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  feed(client, server.output());
  std::vector<Log> logs(5);
  for (Log& log : logs) client.submit(kGet, log);
  converse(client, server);
  for (const Log& log : logs) EXPECT_EQ(log.text, "200.");
}

TEST(Http2, bodies_larger_than_all_windows_go_both_ways) {
  ClientSession client;
  MemoryServer server;
  const std::string large(5'000'000, 'u');
  server.answer = [&](MemoryServer& self, StreamId id) { self.respond(id, {.body = large}); };
  Log log;
  const StreamId id = client.submit({.method = "PUT", .authority = "a", .body = bytes_of(large)}, log);
  client.submit(kGet, log);
  EXPECT_LE(client.outgoing().size(), ClientSession::kOutgoingMax);
  client.cancel(id + 2);
  converse(client, server);
  EXPECT_EQ(server.seen[id].body, large);
  EXPECT_EQ(log.text, "200;" + large + ".");
}

TEST(Http2, an_answer_before_the_whole_body_ends_the_upload) {
  ClientSession client;
  MemoryServer server;
  const std::string large(200'000, 'u');  // more than the server's window
  Log log;
  const StreamId id = client.submit({.method = "PUT", .authority = "a", .body = bytes_of(large)}, log);
  take(client);
  feed(client, kSettings + headers(static_cast<std::uint32_t>(id), "\x8d", NGHTTP2_FLAG_END_STREAM));
  EXPECT_EQ(log.text, "404.");
  EXPECT_NE(take(client).find(frame(NGHTTP2_RST_STREAM, 0, 1, std::string("\0\0\0\x08", 4))), std::string::npos);
  EXPECT_EQ(client.streams(), 0U);
}

TEST(Http2, who_has_enough_cancels) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) { self.respond(id, {.body = std::string(5'000'000, 'x')}); };
  Log log, other;
  StreamId id = kNoStream;
  log.on_bytes = [&] {
    if (log.text.size() > 60'000) client.cancel(id);
  };
  id = client.submit(kGet, log);
  converse(client, server);
  EXPECT_GT(log.text.size(), 60'000U);
  EXPECT_LT(log.text.size(), 90'000U);
  EXPECT_EQ(server.resets[id], static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.streams(), 0U);
  client.cancel(id);  // is over: nothing happens

  // The window of the connection was not eaten by what came of it still.
  client.submit(kGet, other);
  converse(client, server);
  EXPECT_EQ(other.text.size(), 5'000'005U);
}

TEST(Http2, a_sink_may_submit_the_next_request) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) { self.respond(id, {.body = "x"}); };
  Log first, second;
  first.on_bytes = [&] { client.submit(kGet, second); };
  client.submit(kGet, first);
  converse(client, server);
  EXPECT_EQ(second.text, "200;x.");
}

TEST(Http2, a_reset_tells_its_code_and_a_refusal_that_it_may_be_tried_again) {
  ClientSession client;
  Log broken, refused;
  client.submit(kGet, broken);
  client.submit(kGet, refused);
  take(client);
  feed(client, kSettings + frame(NGHTTP2_RST_STREAM, 0, 1, std::string("\0\0\0\x0b", 4)) +
                   frame(NGHTTP2_RST_STREAM, 0, 3, std::string("\0\0\0\x07", 4)));
  EXPECT_EQ(broken.text, "!reset 11");
  EXPECT_EQ(error_name(11), "ENHANCE_YOUR_CALM");
  EXPECT_EQ(refused.text, "!refused");
  EXPECT_EQ(client.state(), State::kOpen);
}

TEST(Http2, goaway_refuses_what_was_not_taken_and_lets_the_rest_end) {
  ClientSession client;
  Log taken, refused, unsent;
  client.submit(kGet, taken);
  client.submit(kGet, refused);
  take(client);
  client.submit(kGet, unsent);
  feed(client, kSettings + goaway(1, 0));
  EXPECT_EQ(client.state(), State::kDraining);
  EXPECT_EQ(taken.text, "");
  EXPECT_EQ(refused.text, "!refused");
  EXPECT_EQ(unsent.text, "!refused");
  Log late;
  EXPECT_EQ(client.submit(kGet, late), kNoStream);
  feed(client, kEndOfAnswer);
  EXPECT_EQ(taken.text, "200.");
  EXPECT_EQ(client.streams(), 0U);
  EXPECT_EQ(client.end_of_input(), State::kClosed);
}

TEST(Http2, a_stream_that_breaks_the_rules_ends_alone) {
  ClientSession client;
  Log upper, good;
  client.submit(kGet, upper);
  client.submit(kGet, good);
  take(client);
  feed(client, kSettings + headers(1, literal("a", "b")) + headers(3, kStatus200, NGHTTP2_FLAG_END_STREAM));
  take(client);
  EXPECT_EQ(upper.text, "!reset 1") << "a field before the status";
  EXPECT_EQ(good.text, "200.");
}

TEST(Http2, too_many_header_bytes_end_the_stream_alone) {
  ClientSession client;
  Log log, good;
  client.submit(kGet, log);
  client.submit(kGet, good);
  take(client);
  // One field of 100 bytes into the dynamic table, then 1,000 references to it.
  std::string block = kStatus200 + '\x40' + literal("n", std::string(100, 'v')).substr(1) + std::string(1000, '\xbe');
  feed(client, kSettings + headers(1, block) + headers(3, "\x88\xbe", NGHTTP2_FLAG_END_STREAM));
  EXPECT_TRUE(log.text.ends_with("!too long"));
  EXPECT_EQ(good.text, "200 n=" + std::string(100, 'v') + ".") << "the table is the same for both";
  EXPECT_EQ(client.state(), State::kOpen);
}

TEST(Http2, a_peer_that_does_not_speak_it) {
  for (const auto& [answer, error] : std::initializer_list<std::pair<std::string, std::string>>{
           {"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak HTTP/2 but HTTP/1"},
           {"HTTP/1.", "the server does not speak HTTP/2 but HTTP/1"},
           {"220 ftp ready\r\n", "the server does not speak HTTP/2"},
           {headers(1, kStatus200), "the server does not speak HTTP/2"},
           {std::string("\0\0\0", 3), "the server does not speak HTTP/2"}})
    for (const std::size_t piece : {1, 1000}) {
      ClientSession client;
      Log log;
      client.submit(kGet, log);
      take(client);
      feed(client, answer, piece);
      client.end_of_input();
      EXPECT_EQ(client.state(), State::kFailed);
      EXPECT_EQ(client.failure(), Failure::kNotHttp2);
      EXPECT_EQ(client.error(), error);
      EXPECT_EQ(log.text, "!session");
    }
}

TEST(Http2, a_connection_that_ends_too_early) {
  ClientSession silent;
  EXPECT_EQ(silent.end_of_input(), State::kFailed);
  EXPECT_EQ(silent.failure(), Failure::kClosed);

  ClientSession cut;
  Log log;
  cut.submit(kGet, log);
  take(cut);
  feed(cut, kSettings + headers(1, kStatus200) + data(1, "half"));
  EXPECT_EQ(cut.end_of_input(), State::kFailed);
  EXPECT_EQ(cut.error(), "the server closed the connection before its answer");
  EXPECT_EQ(log.text, "200;half!session");

  ClientSession told;
  Log other;
  told.submit(kGet, other);
  take(told);
  feed(told, kSettings + goaway(1, 11));
  EXPECT_EQ(told.end_of_input(), State::kFailed);
  EXPECT_EQ(told.error(), "the server ended the session: ENHANCE_YOUR_CALM");

  ClientSession idle;
  feed(idle, kSettings);
  EXPECT_EQ(idle.end_of_input(), State::kClosed);
}

TEST(Http2, a_peer_that_breaks_it_is_told_and_named) {
  ClientSession client;
  Log log;
  client.submit(kGet, log);
  take(client);
  feed(client, kSettings + data(0, "of no stream"));
  EXPECT_EQ(client.state(), State::kFailed);
  EXPECT_EQ(client.failure(), Failure::kProtocol);
  EXPECT_EQ(client.error(), "HTTP/2 was broken: DATA: stream_id == 0");
  EXPECT_EQ(log.text, "!session");
  EXPECT_NE(take(client).find("DATA: stream_id == 0"), std::string::npos) << "a GOAWAY with the reason";
}

TEST(Http2, pushes_are_refused) {
  ClientSession client;
  MemoryServer server;
  Log log;
  client.submit(kGet, log);
  converse(client, server);  // our settings are acknowledged
  Log other;
  client.submit(kGet, other);
  take(client);
  feed(client, frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 3, std::string("\0\0\0\2\x82\x84\x87", 7)));
  EXPECT_EQ(client.state(), State::kFailed);
  EXPECT_EQ(client.failure(), Failure::kProtocol);
}

TEST(Http2, close_says_goaway_and_sinks_hear_nothing_more) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer&, StreamId) {};
  Log log;
  client.submit(kGet, log);
  converse(client, server);
  client.close();
  EXPECT_EQ(client.state(), State::kClosed);
  server.feed(client.outgoing());
  EXPECT_TRUE(server.goaway);
  EXPECT_EQ(log.text, "");
  feed(client, kEndOfAnswer);
  EXPECT_EQ(log.text, "");
}

TEST(Http2, the_same_events_however_the_input_is_cut) {
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) {
    self.respond(id, {.fields = {{":status", "200"}, {"a", std::string(300, 'h')}},
                      .body = std::string(700, 'b'),
                      .trailers = {{"t", "1"}},
                      .early_hints = true});
  };
  std::string input;
  const auto run = [&](std::size_t piece) {
    ClientSession client;
    Log a, b;
    client.submit(kGet, a);
    client.submit(kGet, b);
    const std::string requests = take(client);
    if (input.empty()) {
      server.feed(bytes_of(requests));
      input = server.output() + goaway(3, 0);
    }
    feed(client, input, piece);
    client.end_of_input();
    EXPECT_EQ(client.state(), State::kClosed);
    return a.text + b.text;
  };
  const std::string whole = run(ClientSession::kFeedMax);
  EXPECT_EQ(whole.size(), 2 * 1013U);
  for (std::size_t piece = 1; piece < 800; ++piece) EXPECT_EQ(run(piece), whole) << piece;
}

// Floods: how many bytes of `flood` it takes until the session has failed; 64 MiB at most. All that it answers is sent.
std::size_t bytes_until_failed(ClientSession& client, const std::string& begin, const std::string& flood) {
  take(client);
  feed(client, begin);
  std::string piece;
  while (piece.size() + flood.size() <= ClientSession::kFeedMax) piece += flood;
  std::size_t fed = 0;
  while (client.state() != State::kFailed && fed < (std::size_t{64} << 20)) {
    feed(client, piece);
    fed += piece.size();
    take(client);
  }
  return fed;
}

TEST(Http2Floods, of_frames_without_progress_end) {
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  const std::string window = frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\0\0\0\1", 4));
  const std::string unknown = frame(200, 0, 0, std::string(100, 'x'));
  for (const std::string& flood : {ping, kSettings, window, unknown, data(1, ""),
                                   headers(1,
                                           "\x08\x03"
                                           "103")}) {
    ClientSession client;
    Log log;
    client.submit(kGet, log);
    const bool of_data = flood == data(1, "");
    EXPECT_LE(bytes_until_failed(client, of_data ? kSettings + headers(1, kStatus200) : kSettings, flood),
              ClientSession::kSilentBytesMax + 2 * ClientSession::kFeedMax);
    EXPECT_EQ(client.failure(), Failure::kProtocol);
    EXPECT_EQ(client.error(), "the server sends frames without progress");
    EXPECT_TRUE(log.text.ends_with("!session"));
  }
}

TEST(Http2Floods, of_continuations_end) {
  ClientSession client;
  Log log;
  client.submit(kGet, log);
  const std::string begin = kSettings + frame(NGHTTP2_HEADERS, 0, 1, kStatus200);
  EXPECT_LE(bytes_until_failed(client, begin, frame(NGHTTP2_CONTINUATION, 0, 1, literal("a", "b"))),
            ClientSession::kFeedMax);
  EXPECT_EQ(client.failure(), Failure::kProtocol);
}

TEST(Http2, a_long_header_block_in_small_pieces_is_taken) {
  ClientSession client;
  Log log;
  client.submit(kGet, log);
  take(client);
  std::string input = kSettings + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, kStatus200);
  for (int i = 0; i < 5; ++i) input += frame(NGHTTP2_CONTINUATION, 0, 1, literal("a", "b"));
  feed(client, input + frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, ""), 1);
  EXPECT_EQ(log.text.size(), 3 + 5 * 4 + 1U) << client.error();
}

TEST(Http2Floods, of_pings_to_a_client_that_cannot_send_are_bounded) {
  ClientSession client;
  std::string piece = kSettings;
  while (piece.size() < ClientSession::kFeedMax - 17) piece += frame(NGHTTP2_PING, 0, 0, "12345678");
  for (int i = 0; i < 100 && client.state() != State::kFailed; ++i) {
    feed(client, piece);
    EXPECT_LE(client.outgoing().size(), ClientSession::kOutgoingMax);
  }
  EXPECT_EQ(client.state(), State::kFailed);
  EXPECT_EQ(client.error(), "the server makes the client answer more than is kept unsent");
}

TEST(Http2Floods, progress_is_no_flood) {
  ClientSession client;
  Log log;
  client.submit(kGet, log);
  const std::string flood = frame(NGHTTP2_PING, 0, 0, "12345678") + data(1, "x");
  take(client);
  feed(client, kSettings + headers(1, kStatus200));
  for (std::size_t fed = 0; fed < 3 * ClientSession::kSilentBytesMax; fed += flood.size()) {
    feed(client, flood);
    if (fed % 1024 == 0) take(client);
  }
  EXPECT_EQ(client.state(), State::kOpen) << client.error();
}

}  // namespace
}  // namespace sonde::http2
