// The server under TLS, who may ask, and what a reload changes.
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gateway/server/server.h"
#include "gateway/server/server_client.h"
#include "gateway/server/server_stream_client.h"
#include "tls/memory_server.h"

namespace sonde::gateway {
namespace {

constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";  // of "secret"
const std::string kAlice = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
const std::string kWrong = "Authorization: Basic YWxpY2U6c2VjcmV1\r\n";

// A directory with a certificate and its key in one file.
class Files {
 public:
  Files() { std::filesystem::create_directory(directory_); }
  ~Files() { std::filesystem::remove_all(directory_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  std::string write(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = directory_ / name;
    std::ofstream(path) << content;
    return path;
  }
  ServerTls certificate(const std::string& name) const {
    tls::Identity identity;
    identity.make(false, name.c_str());
    const std::string path = write(name + ".pem", identity.pem());
    return {.cert = path, .key = path};
  }

 private:
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("sonde_server_tls_test" + std::to_string(::getpid()));
};

struct Served {
  EchoService service;
  std::unique_ptr<Server> server;

  Served(std::optional<ServerTls> tls, AuthOptions auth) {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = std::move(tls);
    options.auth = std::move(auth);
    auto made = Server::create(std::move(options), service);
    EXPECT_TRUE(made) << made.error().text;
    server = std::move(*made);
    server->start();
  }
  std::uint16_t port() const { return server->port(); }
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int most_version = TLS1_3_VERSION) : client_(port) {
    SSL_CTX_set_max_proto_version(context_.get(), most_version);
    session_.reset(SSL_new(context_.get()));
    SSL_set_fd(session_.get(), client_.fd());
    SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    shaken_ = SSL_connect(session_.get()) == 1;
  }
  bool shaken() const { return shaken_; }
  std::string name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session_.get()), X509_free);
    char text[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text, sizeof text);
    return text;
  }
  std::string protocol() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(session_.get(), &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
  }
  void send(std::string_view bytes) {
    EXPECT_GT(SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())), 0);
  }
  // What comes, until `ending` is at its end.
  std::string until(std::string_view ending) {
    std::string all;
    while (!all.ends_with(ending))
      if (!more(all)) return all + " (ended)";
    return all;
  }
  // Waits for what comes; false: the connection ended.
  bool more(std::string& bytes) {
    char chunk[65536];
    const int got = SSL_read(session_.get(), chunk, sizeof chunk);
    if (got <= 0) return false;
    bytes.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* session) const { SSL_free(session); }
  };
  Client client_;
  std::unique_ptr<SSL_CTX, Free> context_{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL, Free> session_;
  bool shaken_ = false;
};

TEST(ServerTls, requests_are_answered_under_1_2_and_1_3_and_never_below) {
  const Files files;
  Served served(files.certificate("one"), {});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(served.port(), version);
    ASSERT_TRUE(client.shaken());
    EXPECT_EQ(client.protocol(), "http/1.1");
    // Two in one record: what the session holds decrypted is read without the socket.
    client.send(get("/a") + get("/b"));
    const std::string both = client.until("GET /b ");
    EXPECT_NE(both.find("GET /a HTTP"), 0U);
    EXPECT_NE(both.find("GET /a "), std::string::npos);
  }
  EXPECT_FALSE(TlsClient(served.port(), TLS1_1_VERSION).shaken());
  Client plain(served.port());
  plain.send(get("/"));
  EXPECT_EQ(status_of(plain.response()), 0U) << "no HTTP without TLS";
}

TEST(ServerTls, big_answers_and_bodies_of_many_records_are_whole) {
  const Files files;
  Served served(files.certificate("one"), {});
  TlsClient client(served.port());
  client.send(get("/big"));
  client.send(get("/end"));
  EXPECT_GT(client.until("GET /end ").size(), std::size_t{8} << 20);
}

TEST(ServerTls, a_websocket_streams_big_frames_and_hears_its_client) {
  const Files files;
  StreamService service;
  static constexpr std::size_t kSize = std::size_t{1} << 20;
  service.make = [] { return std::make_shared<NumberedFrames>(kSize, 5); };
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.tls = files.certificate("one");
  auto server = Server::create(std::move(options), service);
  ASSERT_TRUE(server);
  (*server)->start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client((*server)->port(), version);
    client.send(open_stream());
    std::string bytes = client.until("\r\n\r\n");
    EXPECT_EQ(status_of(bytes), 101U);
    bytes.clear();
    // What the client says meanwhile is heard while a frame waits for room: the session reads and writes in turn.
    client.send(wire::client_frame(wire::WebSocketOpcode::kPing, "heard"));
    std::vector<ServerFrame> binary, others;
    while (binary.size() < 5 || others.empty()) {
      if (!client.more(bytes)) break;
      while (auto frame = take_frame(bytes))
        (frame->opcode == wire::WebSocketOpcode::kBinary ? binary : others).push_back(std::move(*frame));
    }
    ASSERT_EQ(binary.size(), 5U);
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(binary[static_cast<std::size_t>(i)].payload, NumberedFrames::text(i + 1, kSize));
    EXPECT_EQ(others, (std::vector<ServerFrame>{{wire::WebSocketOpcode::kPong, "heard"}}));
    client.send(wire::client_frame(wire::WebSocketOpcode::kClose, wire::close_body(1000)));
    while (client.more(bytes)) {
    }
    EXPECT_EQ(take_frame(bytes), closed_with(1000));
  }
}

TEST(ServerTls, a_handshake_that_never_comes_is_ended) {
  const Files files;
  EchoService service;
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.tls = files.certificate("one");
  options.header_timeout = 20 * kMillisecond;
  auto server = Server::create(std::move(options), service);
  ASSERT_TRUE(server);
  (*server)->start();
  Client silent((*server)->port());
  EXPECT_TRUE(silent.ended());
}

TEST(ServerTls, a_reload_changes_the_certificate_of_the_next_handshake_and_a_bad_one_nothing) {
  const Files files;
  Served served(files.certificate("one"), {});
  TlsClient before(served.port());
  EXPECT_EQ(before.name(), "one");
  const std::string broken = files.write("broken.pem", "nothing");
  const auto refused = served.server->change(ServerTls{.cert = broken, .key = broken}, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("tls.cert: " + broken), std::string::npos);
  EXPECT_EQ(TlsClient(served.port()).name(), "one");
  ServerTls mixed = files.certificate("two");
  mixed.key = files.certificate("three").key;
  EXPECT_FALSE(served.server->change(mixed, {}));
  ASSERT_TRUE(served.server->change(files.certificate("two"), {}));
  EXPECT_EQ(TlsClient(served.port()).name(), "two");
  before.send(get("/still"));
  EXPECT_EQ(before.until("GET /still ").find("(ended)"), std::string::npos);
}

TEST(ServerAuth, everything_but_health_asks_who_it_is) {
  Served served(std::nullopt, {.basic = {{"alice", kHash}}, .bearer_file = {}});
  Client client(served.port());
  for (const std::string& fields : {std::string(), kWrong, std::string("Authorization: Bearer x\r\n")}) {
    const std::string response = client.ask(get("/metrics", fields));
    EXPECT_EQ(status_of(response), 401U) << fields;
    EXPECT_NE(response.find("WWW-Authenticate: Basic realm="), std::string::npos);
  }
  EXPECT_EQ(status_of(client.ask(get("/-/healthy"))), 200U);
  EXPECT_EQ(status_of(client.ask(get("/-/ready"))), 200U);
  EXPECT_EQ(status_of(client.ask(get("/-/healthy/../../config"))), 401U);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(body_of(client.ask(get("/metrics", kAlice))), "GET /metrics ");
}

TEST(ServerAuth, many_passwords_to_verify_leave_the_others_their_answers) {
  Served served(std::nullopt, {.basic = {{"alice", kHash}}, .bearer_file = {}});
  std::vector<std::unique_ptr<Client>> guessing;
  for (int i = 0; i < 300; ++i) {
    guessing.push_back(std::make_unique<Client>(served.port()));
    guessing.back()->send(get("/", kWrong));
  }
  Client client(served.port());
  EXPECT_EQ(status_of(client.ask(get("/-/healthy"))), 200U);
  for (const auto& one : guessing) {
    const unsigned status = status_of(one->response());
    EXPECT_TRUE(status == 401 || status == 503) << status;
  }
}

TEST(ServerAuth, a_reload_changes_who_may_ask_at_the_next_request) {
  const Files files;
  Served served(std::nullopt, {});
  Client client(served.port());
  EXPECT_EQ(status_of(client.ask(get("/"))), 200U);
  ASSERT_TRUE(served.server->change({}, {.basic = {}, .bearer_file = files.write("tokens", "letmein\n")}));
  EXPECT_EQ(status_of(client.ask(get("/"))), 401U);
  EXPECT_EQ(status_of(client.ask(get("/", "Authorization: Bearer letmein\r\n"))), 200U);
  EXPECT_FALSE(served.server->change({}, {.basic = {{"alice", "plain"}}, .bearer_file = {}}));
  EXPECT_EQ(status_of(client.ask(get("/", "Authorization: Bearer letmein\r\n"))), 200U);
}

}  // namespace
}  // namespace sonde::gateway
