#include "gateway/server/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/server/server_client.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

using Served = ServedBy<EchoService>;

TEST(Server, answers_on_one_connection_again_and_again) {
  Served served;
  Client client(served.port());
  for (int i = 0; i < 3; ++i) {
    const std::string response = client.ask(get("/a%20b"));
    EXPECT_EQ(status_of(response), 200U);
    EXPECT_EQ(body_of(response), "GET /a b ");
    EXPECT_EQ(response.find("Connection:"), std::string::npos);
    EXPECT_NE(response.find("\r\nDate: "), std::string::npos);
  }
  EXPECT_EQ(served.metric("sonde_server_accepted_total"), 1);
  EXPECT_EQ(served.metric("sonde_server_responses_total", "2xx"), 3);
}

TEST(Server, pipelined_requests_are_answered_in_order_however_late_the_first_is) {
  Served served;
  Client client(served.port());
  client.send(get("/later1") + get("/2") + get("/later3") + get("/4"));
  served.service.release();
  served.service.release();
  for (const char* path : {"/later1", "/2", "/later3", "/4"})
    EXPECT_EQ(body_of(client.response()), "GET " + std::string(path) + " ");
}

TEST(Server, thousands_of_pipelined_requests_are_no_recursion) {
  ServerOptions with = options();
  with.auth.basic = {{"a", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"}};
  Served served(std::move(with));
  Client client(served.port());
  constexpr int kMany = 20'000;
  std::thread writer([&] {
    std::string many;
    for (int i = 0; i < kMany; ++i) many += "GET / HTTP/1.1\r\nHost:\r\n\r\n";
    client.send(many);
  });
  int refused = 0;
  for (int i = 0; i < kMany; ++i) refused += status_of(client.response()) == 401;
  writer.join();
  EXPECT_EQ(refused, kMany);
}

TEST(Server, requests_cut_anywhere_and_connections_side_by_side) {
  Served served;
  Client one(served.port()), two(served.port());
  const std::string request = get("/x");
  for (const char c : request) {
    one.send({&c, 1});
    EXPECT_EQ(status_of(two.ask(request)), 200U);
  }
  EXPECT_EQ(body_of(one.response()), "GET /x ");
}

TEST(Server, head_has_the_length_and_no_body) {
  Served served;
  Client client(served.port());
  client.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.response(false).find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_EQ(body_of(client.ask(get("/y"))), "GET /y ");
}

TEST(Server, bodies_by_length_and_by_chunks) {
  Served served;
  Client client(served.port());
  EXPECT_EQ(body_of(client.ask("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")), "POST /p abc");
  EXPECT_EQ(body_of(client.ask(
                "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")),
            "POST /p abc");
}

TEST(Server, continue_is_said_to_who_waits_for_it) {
  Served served;
  Client client(served.port());
  client.send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.response(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(client.ask("abc")), "POST /p abc");
}

TEST(Server, version_1_0_and_close_end_the_connection_with_the_answer) {
  Served served;
  for (const char* request : {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}) {
    Client client(served.port());
    EXPECT_NE(client.ask(request).find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client.ended());
  }
  Client keeps(served.port());
  for (int i = 0; i < 2; ++i)
    EXPECT_NE(keeps.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").find("Connection: keep-alive\r\n"),
              std::string::npos);
}

TEST(Server, a_client_that_sends_its_fin_with_the_request_has_its_answer) {
  Served served;
  Client client(served.port());
  client.send(get("/later"));
  client.finish();
  served.service.release();
  EXPECT_EQ(status_of(client.response()), 200U);
  EXPECT_TRUE(client.ended());
}

TEST(Server, what_is_no_request_is_refused_and_the_connection_ends) {
  ServerOptions with = options();
  with.most_header = 1000;
  with.most_body = 1000;
  Served served(std::move(with));
  const std::vector<std::pair<unsigned, std::string>> bad = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {431, "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x')},
      {413, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"},
      {505, "GET / HTTP/3.0\r\nHost: h\r\n\r\n"},
  };
  for (const auto& [status, bytes] : bad) {
    Client client(served.port());
    const std::string response = client.ask(bytes);
    EXPECT_EQ(status_of(response), status) << bytes;
    EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client.ended());
  }
}

TEST(Server, a_refusal_is_read_although_the_client_goes_on_sending) {
  ServerOptions with = options();
  with.most_body = 1000;
  Served served(std::move(with));
  Client client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n");
  client.send(std::string(500'000, 'x'));
  EXPECT_EQ(status_of(client.response()), 413U);
}

TEST(Server, who_is_slow_with_a_request_has_408_however_steadily_it_sends) {
  ServerOptions with = options();
  with.header_timeout = 50 * kMillisecond;
  Served served(std::move(with));
  Client client(served.port());
  client.send("GET / HTTP/1.1\r\nX: ");
  while (client.send("y")) {  // until the server has ended it
    char answer[12];
    if (::recv(client.fd(), answer, sizeof answer, MSG_PEEK | MSG_DONTWAIT) > 0) break;
    std::this_thread::yield();
  }
  EXPECT_EQ(status_of(client.response()), 408U);
  EXPECT_EQ(served.metric("sonde_server_timeouts_total"), 1);
}

TEST(Server, who_stays_idle_is_closed_without_a_word) {
  ServerOptions with = options();
  with.idle_timeout = 20 * kMillisecond;
  Served served(std::move(with));
  Client silent(served.port());
  EXPECT_TRUE(silent.ended());
  Client asked(served.port());
  EXPECT_EQ(status_of(asked.ask(get("/"))), 200U);
  EXPECT_TRUE(asked.ended());
}

TEST(Server, who_does_not_take_its_answer_is_closed) {
  ServerOptions with = options();
  with.write_timeout = 50 * kMillisecond;
  Served served(std::move(with));
  Client client(served.port(), 4096);
  client.send(get("/big"));
  while (served.metric("sonde_server_timeouts_total") == 0) std::this_thread::yield();
  EXPECT_EQ(client.response(), "") << "cut off";
}

TEST(Server, a_big_answer_is_whole) {
  Served served;
  Client client(served.port(), 4096);
  EXPECT_EQ(body_of(client.ask(get("/big"))).size(), std::size_t{8} << 20);
  EXPECT_EQ(status_of(client.ask(get("/"))), 200U);
}

TEST(Server, the_longest_idle_is_closed_for_a_new_one_and_never_one_that_waits_for_its_answer) {
  ServerOptions with = options();
  with.most_connections = 3;
  Served served(std::move(with));
  Client first(served.port());
  EXPECT_EQ(status_of(first.ask(get("/"))), 200U);
  Client second(served.port());
  EXPECT_EQ(status_of(second.ask(get("/"))), 200U);
  EXPECT_EQ(status_of(first.ask(get("/"))), 200U);  // the second is idle for longer now
  Client waits(served.port());
  waits.send(get("/later"));
  served.service.wait_for(1);
  Client fourth(served.port());
  EXPECT_EQ(status_of(fourth.ask(get("/"))), 200U);
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(status_of(first.ask(get("/"))), 200U);
  Client unfinished(served.port());
  unfinished.send("GET /");
  EXPECT_TRUE(fourth.ended());
  EXPECT_EQ(served.metric("sonde_server_shed_total"), 2);
  served.service.release();
  EXPECT_EQ(status_of(waits.response()), 200U);
}

TEST(Server, where_all_wait_for_answers_a_new_one_is_refused) {
  ServerOptions with = options();
  with.most_connections = 1;
  Served served(std::move(with));
  Client waits(served.port());
  waits.send(get("/later"));
  served.service.wait_for(1);
  Client refused(served.port());
  EXPECT_TRUE(refused.ended());
  EXPECT_EQ(served.metric("sonde_server_refused_total"), 1);
  served.service.release();
  EXPECT_EQ(status_of(waits.response()), 200U);
}

TEST(Server, thousands_of_idle_clients_leave_room_for_the_next) {
  os::raise_descriptor_limit();
  ServerOptions with = options();
  with.most_connections = 1000;
  Served served(std::move(with));
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 3000; ++i) idle.push_back(std::make_unique<Client>(served.port()));
  Client client(served.port());
  EXPECT_EQ(status_of(client.ask(get("/"))), 200U);
  EXPECT_EQ(served.metric("sonde_server_connections"), 1000);
  EXPECT_TRUE(idle.front()->ended());
  EXPECT_EQ(status_of(idle.back()->ask(get("/"))), 200U);
}

TEST(Server, without_descriptors_an_idle_client_makes_room) {
  Served served;
  Client idle(served.port());
  EXPECT_EQ(status_of(idle.ask(get("/"))), 200U);
  Client next(0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  {
    const os::Fd lowest(::dup(0));
    none.rlim_cur = static_cast<rlim_t>(lowest.get());
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  next.connect(served.port());
  EXPECT_TRUE(idle.ended());
  const std::string response = next.ask(get("/"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(status_of(response), 200U);
  EXPECT_GE(served.metric("sonde_server_accept_failures_total"), 1);
}

TEST(Server, several_threads_share_the_work) {
  ServerOptions with = options();
  with.threads = 3;
  Served served(std::move(with));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 9; ++i) clients.push_back(std::make_unique<Client>(served.port()));
  for (const auto& client : clients) client->send(get("/later"));
  served.service.wait_for(9);
  for (int i = 0; i < 9; ++i) served.service.release();
  for (const auto& client : clients) EXPECT_EQ(status_of(client->response()), 200U);
}

TEST(Server, a_socket_that_listens_already_is_taken_and_outlives_the_server) {
  Served first;
  ServerOptions with = options();
  with.sockets.emplace_back(::dup(first.server->sockets().front()));
  with.listen = "nonsense, and not looked at";
  Served second(std::move(with));
  EXPECT_EQ(second.port(), first.port());
  EXPECT_TRUE(first.server->drain(20 * kSecond));
  first.server.reset();
  Client client(second.port());
  EXPECT_EQ(status_of(client.ask(get("/"))), 200U);
}

TEST(Server, options_that_cannot_work_are_refused_by_name) {
  EchoService service;
  const auto text = [&](ServerOptions with) {
    auto made = Server::create(std::move(with), service);
    return made ? std::string() : made.error().text;
  };
  for (const char* listen : {"", "9115", "::1:80", "127.0.0.1:99999", "host:80", "127.0.0.1:"}) {
    ServerOptions with;
    with.listen = listen;
    EXPECT_NE(text(std::move(with)).find("listen: "), std::string::npos) << listen;
  }
  ServerOptions file = options();
  file.sockets.emplace_back(::dup(0));
  EXPECT_NE(text(std::move(file)).find("sockets: "), std::string::npos);
  Served served;
  ServerOptions taken;
  taken.listen = "127.0.0.1:" + std::to_string(served.port());
  EXPECT_NE(text(std::move(taken)).find("in use"), std::string::npos);
}

TEST(Server, drain_answers_what_was_asked_and_tells_who_asks_again_that_it_ends) {
  Served served;
  Client idle(served.port()), waits(served.port());
  EXPECT_EQ(status_of(idle.ask(get("/"))), 200U);
  waits.send(get("/later"));
  served.service.wait_for(1);
  std::atomic<bool> drained = false;
  std::thread drain([&] { drained = served.server->drain(20 * kSecond); });
  // It has begun when a new connection is not taken any more: the answer to it is that of nobody.
  std::string response = idle.ask(get("/"));
  while (response.find("Connection: close\r\n") == std::string::npos && status_of(response) == 200)
    response = idle.ask(get("/"));
  EXPECT_EQ(status_of(response), 200U) << "within the grace an idle client is answered";
  served.service.release();
  EXPECT_NE(waits.response().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(waits.ended());
  idle.finish();
  waits.finish();
  drain.join();
  EXPECT_TRUE(drained);
}

TEST(Server, while_it_drains_who_comes_late_is_refused) {
  Served served;
  const std::uint16_t port = served.port();
  Client waits(port);
  waits.send(get("/later"));
  served.service.wait_for(1);
  EXPECT_FALSE(served.server->drain(20 * kMillisecond)) << "one waits still";
  const os::Fd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(late.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  EXPECT_FALSE(connected) << "nobody would answer it";
  served.service.release();
  EXPECT_EQ(status_of(waits.response()), 200U);
}

TEST(Server, drain_gives_up_when_its_patience_ends) {
  Served served;
  Client waits(served.port());
  waits.send(get("/later"));
  served.service.wait_for(1);
  EXPECT_FALSE(served.server->drain(20 * kMillisecond));
  served.service.release();
  EXPECT_EQ(status_of(waits.response()), 200U);
}

TEST(Server, an_answer_that_comes_after_the_server_is_dropped) {
  Served served;
  Client waits(served.port());
  waits.send(get("/later"));
  served.service.wait_for(1);
  served.server.reset();
  EXPECT_TRUE(waits.ended());
  served.service.release();
}

TEST(Server, an_answer_for_a_client_that_left_is_dropped) {
  Served served;
  {
    Client left(served.port());
    left.send(get("/later"));
    served.service.wait_for(1);
  }
  served.service.release();
  Client client(served.port());
  EXPECT_EQ(status_of(client.ask(get("/"))), 200U);
}

}  // namespace
}  // namespace sonde::gateway
