// WebSockets of the whole server: clients that are good, slow, hostile, or leave.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/server/server.h"
#include "gateway/server/server_stream_client.h"

namespace sonde::gateway {
namespace {

using enum wire::WebSocketOpcode;
using wire::client_frame;
using wire::close_body;

using Served = ServedBy<StreamService>;

TEST(ServerWebSocket, frames_arrive_in_order) {
  Served served;
  served.service.make = [] { return std::make_shared<NumberedFrames>(70'000, 50); };
  StreamClient client(served.port());
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(client.frame(), (ServerFrame{kBinary, NumberedFrames::text(i, 70'000)}));
  served.until("sonde_server_stream_frames_total", 50);
  EXPECT_EQ(served.metric("sonde_server_stream_bytes_total"), 50 * 70'000);
  EXPECT_EQ(served.metric("sonde_server_streams"), 1);
  EXPECT_EQ(served.metric("sonde_server_connections"), 1);
}

TEST(ServerWebSocket, who_is_slow_is_sent_less_and_keeps_nobody) {
  static constexpr std::size_t kSize = std::size_t{1} << 20;
  Served served;
  served.service.make = [] { return std::make_shared<NumberedFrames>(kSize); };
  StreamClient slow(served.port(), 4096);
  StreamClient quick(served.port());
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(quick.frame(), (ServerFrame{kBinary, NumberedFrames::text(i, kSize)}));
  EXPECT_GE(served.service.frames(1)->asked, 20);
  EXPECT_EQ(served.service.frames(0)->asked, 1) << "while one is unsent no other is made";
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(slow.frame(), (ServerFrame{kBinary, NumberedFrames::text(i, kSize)})) << "what it is sent is whole";
    EXPECT_LE(served.service.frames(0)->asked, i + 1);
  }
  Client other(served.port());
  EXPECT_EQ(body_of(other.ask(get("/"))), "ok");
}

TEST(ServerWebSocket, who_takes_nothing_is_closed) {
  ServerOptions with = options();
  with.write_timeout = 50 * kMillisecond;
  Served served(std::move(with));
  served.service.make = [] { return std::make_shared<NumberedFrames>(std::size_t{8} << 20); };
  const StreamClient client(served.port(), 4096);
  served.until("sonde_server_timeouts_total", 1);
  served.until("sonde_server_connections", 0);
  EXPECT_EQ(served.service.frames(0), nullptr) << "its source went with it";
}

TEST(ServerWebSocket, a_ping_is_answered_even_one_that_comes_with_the_handshake) {
  Served served;
  Client early(served.port());
  const std::string response = early.ask(open_stream() + client_frame(kPing, "early"));
  EXPECT_EQ(status_of(response), 101U);
  while (early.bytes().size() < 7 && early.more()) {
  }
  EXPECT_EQ(take_frame(early.bytes()), (ServerFrame{kPong, "early"}));
  StreamClient client(served.port());
  for (int i = 0; i < 3; ++i) {
    client.send(client_frame(kText, "nothing that matters") + client_frame(kPing, std::to_string(i)));
    EXPECT_EQ(client.frame(), (ServerFrame{kPong, std::to_string(i)}));
  }
}

TEST(ServerWebSocket, who_is_silent_is_pinged_and_stays_while_it_answers) {
  ServerOptions with = options();
  with.ping_after = 10 * kMillisecond;
  Served served(std::move(with));
  StreamClient client(served.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.frame(), (ServerFrame{kPing, ""}));
    client.send(client_frame(kPong, ""));
  }
}

TEST(ServerWebSocket, who_does_not_answer_a_ping_is_closed) {
  ServerOptions with = options();
  with.ping_after = 10 * kMillisecond;
  with.write_timeout = 10 * kMillisecond;
  Served served(std::move(with));
  StreamClient client(served.port());
  EXPECT_EQ(client.frame(), (ServerFrame{kPing, ""}));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(served.metric("sonde_server_timeouts_total"), 1);
}

TEST(ServerWebSocket, a_close_is_answered_and_the_connection_ends) {
  Served served;
  for (const std::string& body : {std::string(), close_body(1000), close_body(1001, "going"), close_body(4000)}) {
    StreamClient client(served.port());
    client.send(client_frame(kClose, body));
    EXPECT_EQ(client.frame(), (ServerFrame{kClose, body.substr(0, 2)}));
    EXPECT_TRUE(client.ended());
  }
  served.until("sonde_server_connections", 0);
  EXPECT_EQ(served.metric("sonde_server_streams"), 0);
  EXPECT_EQ(served.service.frames(0), nullptr);
}

TEST(ServerWebSocket, a_client_that_goes_without_a_word_takes_its_source_with_it) {
  Served served;
  {
    const StreamClient client(served.port());
  }
  served.until("sonde_server_connections", 0);
  EXPECT_EQ(served.service.frames(0), nullptr);
}

TEST(ServerWebSocket, hostile_clients_are_told_why_and_closed) {
  std::string endless = client_frame(kText, "", false);
  for (int i = 0; i < 1000; ++i) endless += client_frame(kContinuation, "", false);
  const std::vector<std::pair<std::string, std::uint16_t>> hostile = {
      {std::string("\x82\x05hello", 7), 1002},     // not masked
      {std::string("\x89\xfe\x7f\xff", 4), 1002},  // a huge ping
      {std::string("\x83\x80\0\0\0\0", 6), 1002},  // no such opcode
      {std::string("\xc2\x80\0\0\0\0", 6), 1002},  // compressed, which nobody agreed on
      {std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + "\1\2\3\4", 1009},
      {client_frame(kText, std::string(5000, 'x')), 1009},
      {endless, 1009},
      {client_frame(kContinuation, "of nothing"), 1002},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1002},
      {client_frame(kClose, close_body(1005)), 1002},
      {client_frame(kClose, close_body(1000, "\xff")), 1007},
  };
  Served served;
  StreamClient good(served.port());
  for (const auto& [bytes, code] : hostile) {
    StreamClient client(served.port());
    client.send(bytes);
    EXPECT_EQ(client.frame(), closed_with(code));
    EXPECT_TRUE(client.ended());
    good.send(client_frame(kPing, "still"));
    EXPECT_EQ(good.frame(), (ServerFrame{kPong, "still"}));
  }
  EXPECT_EQ(served.metric("sonde_server_streams"), 1);
}

TEST(ServerWebSocket, a_flood_of_pings_leaves_the_others_their_answers) {
  Served served;
  StreamClient client(served.port());
  std::atomic<bool> enough = false;
  std::thread flood([&] {
    std::string pings;
    for (int i = 0; i < 10'000; ++i) pings += client_frame(kPing, "");
    while (!enough && client.send(pings)) {
    }
    client.finish();
  });
  Client other(served.port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(body_of(other.ask(get("/"))), "ok");
  enough = true;
  // Who floods and does not read is not waited for: its pongs were few.
  flood.join();
  served.until("sonde_server_streams", 0);
}

TEST(ServerWebSocket, what_is_no_handshake_is_answered_as_http_and_the_connection_goes_on) {
  Served served;
  Client client(served.port());
  const std::string plain = client.ask(get("/stream"));
  EXPECT_EQ(status_of(plain), 426U);
  EXPECT_NE(plain.find("Upgrade: websocket\r\n"), std::string::npos);
  EXPECT_EQ(status_of(client.ask(open_stream("Origin: http://evil\r\n"))), 403U);
  EXPECT_EQ(status_of(client.ask(get("/stream", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"))), 400U);
  EXPECT_EQ(body_of(client.ask(get("/", "Upgrade: websocket\r\nConnection: Upgrade\r\n"))), "ok")
      << "who need not, does not";
  EXPECT_EQ(status_of(client.ask(open_stream("Origin: http://h\r\n"))), 101U);
  Client old(served.port());
  std::string request = open_stream();
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  EXPECT_EQ(status_of(old.ask(request)), 426U);
}

TEST(ServerWebSocket, a_handshake_may_come_in_pieces_and_half_of_one_is_nothing) {
  Served served;
  Client half(served.port());
  const std::string request = open_stream();
  half.send(request.substr(0, request.size() / 2));
  Client client(served.port());
  for (const char c : request) client.send({&c, 1});
  EXPECT_EQ(status_of(client.response()), 101U);
  half.finish();
  EXPECT_TRUE(half.ended());
  EXPECT_EQ(served.service.made(), 1U);
}

TEST(ServerWebSocket, beyond_their_bound_there_are_no_more_until_one_goes) {
  ServerOptions with = options();
  with.most_streams = 2;
  Served served(std::move(with));
  const StreamClient first(served.port());
  auto second = std::make_unique<StreamClient>(served.port());
  Client third(served.port());
  const std::string refused = third.ask(open_stream());
  EXPECT_EQ(status_of(refused), 503U);
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
  second.reset();
  served.until("sonde_server_streams", 1);
  EXPECT_EQ(status_of(third.ask(open_stream())), 101U);
}

TEST(ServerWebSocket, a_stream_is_never_closed_for_a_new_connection) {
  ServerOptions with = options();
  with.most_connections = 2;
  Served served(std::move(with));
  StreamClient stream(served.port());
  Client idle(served.port());
  EXPECT_EQ(status_of(idle.ask(get("/"))), 200U);
  Client next(served.port());
  EXPECT_EQ(status_of(next.ask(get("/"))), 200U);
  EXPECT_TRUE(idle.ended());
  stream.send(client_frame(kPing, "there"));
  EXPECT_EQ(stream.frame(), (ServerFrame{kPong, "there"}));
}

TEST(ServerWebSocket, it_asks_who_it_is_as_every_path_does) {
  ServerOptions with = options();
  with.auth.basic = {{"alice", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"}};
  Served served(std::move(with));
  Client client(served.port());
  EXPECT_EQ(status_of(client.ask(open_stream())), 401U);
  EXPECT_EQ(served.service.made(), 0U);
  const StreamClient alice(served.port(), 0, "Authorization: Basic YWxpY2U6c2VjcmV0\r\n");
  EXPECT_EQ(served.service.made(), 1U);
}

TEST(ServerWebSocket, whom_a_reload_no_longer_lets_in_is_told_and_the_same_auth_tells_nobody) {
  constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
  const std::string alice = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
  ServerOptions with = options();
  with.auth.basic = {{"alice", kHash}};
  Served served(std::move(with));
  StreamClient client(served.port(), 0, alice);
  ASSERT_TRUE(served.server->change({}, {.basic = {{"alice", kHash}}, .bearer_file = {}}));
  client.send(client_frame(kPing, "there"));
  EXPECT_EQ(client.frame(), (ServerFrame{kPong, "there"}));
  ASSERT_TRUE(served.server->change({}, {.basic = {{"bob", kHash}}, .bearer_file = {}}));
  EXPECT_EQ(client.frame(), closed_with(1008));
  client.send(client_frame(kClose, close_body(1008)));
  EXPECT_TRUE(client.ended());
  Client again(served.port());
  EXPECT_EQ(status_of(again.ask(open_stream(alice))), 401U);
}

TEST(ServerWebSocket, drain_tells_all_that_the_server_goes_away) {
  ServerOptions with = options();
  with.threads = 2;
  Served served(std::move(with));
  served.service.make = [] {  // of one frame, then silent
    auto frames = std::make_shared<NumberedFrames>(1, 1);
    return frames;
  };
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<StreamClient>(served.port()));
    EXPECT_EQ(clients.back()->frame(), (ServerFrame{kBinary, "1"}));
  }
  std::atomic<bool> drained = false;
  std::thread drain([&] { drained = served.server->drain(20 * kSecond); });
  for (const auto& client : clients) {
    EXPECT_EQ(client->frame(), closed_with(1001));
    client->send(client_frame(kClose, close_body(1001)));
    EXPECT_TRUE(client->ended());
    client->finish();
  }
  drain.join();
  EXPECT_TRUE(drained);
}

TEST(ServerWebSocket, the_server_may_end_while_frames_flow) {
  Served served;
  served.service.make = [] { return std::make_shared<NumberedFrames>(10'000); };
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<StreamClient>(served.port()));
  for (const auto& client : clients) EXPECT_EQ(client->frame().payload.front(), '1');
  served.server.reset();
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(served.service.frames(i), nullptr);
}

}  // namespace
}  // namespace sonde::gateway
