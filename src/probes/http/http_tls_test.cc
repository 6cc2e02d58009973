// The http probe over TLS, over a session that the tls probe has left open, and where the scheme is to be
// found out.
#include <gtest/gtest.h>

#include <fstream>

#include "probes/http/drive_tls.h"
#include "tls/session_pair.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder
using Options = Ready::Options;
using Went = std::vector<std::string>;

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
const std::string kHelloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const std::string kBye = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\n";
const std::string kPlainToTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 52\r\nConnection: close\r\n\r\n"
    "The plain HTTP request was sent to HTTPS port, sorry";

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// --- HTTP/1.1 over TLS ---

TEST(HttpTls, tells_of_the_answer_and_of_the_session) {
  const Told told = tell_over_tls({}, [] { return std::vector{over_tls(server("http/1.1"), plain({kHello}))}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.url"], "https://localhost/");
  EXPECT_EQ(told["http.version"], "1.1");
  EXPECT_EQ(told["http.body_sha256"], kHelloSha256);
  EXPECT_EQ(told["tls.engine"], "full");
  EXPECT_EQ(told["tls.version"], "TLS1.3");
  EXPECT_EQ(told["tls.alpn"], "http/1.1");
  EXPECT_EQ(told["tls.sni"], "localhost");
  EXPECT_EQ(told["tls.certificate.subject_cn"], "localhost");
  EXPECT_EQ(told["tls.certificate.host_matches"], "true");
  EXPECT_FALSE(told.has("tls.verified")) << "nobody asked";
  EXPECT_FALSE(told.handshaking);
}

TEST(HttpTls, keeps_the_connection_for_further_requests) {
  const Told told =
      tell_over_tls({{"repeat", "3"}}, [] { return std::vector{over_tls(server(), plain({kHello, kHello, kHello}))}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.requests"], "3");
  EXPECT_TRUE(told.went.empty());
}

TEST(HttpTls, a_goodbye_ends_a_body_and_the_connection) {
  const Told told = tell_over_tls({}, [] { return std::vector{over_tls(server(), plain({kBye}), true)}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.body_sha256"], kHelloSha256);
  const Told again = tell_over_tls({{"repeat", "2"}}, [] {
    return std::vector{over_tls(server(), plain({kHello}), true), over_tls(server(), plain({kHello}))};
  });
  EXPECT_EQ(again.outcome, Outcome::kSuccess) << again.error;
  EXPECT_EQ(again["http.connections"], "2");
  const Told cut = tell_over_tls({}, [] {
    return std::vector{over_tls(server(), plain({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"}), true)};
  });
  EXPECT_EQ(cut.outcome, Outcome::kClosed);
  EXPECT_EQ(cut.error, "the answer ends within its body");
}

TEST(HttpTls, a_larger_body_goes_through_whole) {
  const std::string body(700'000, 'b');
  for (const char* alpn : {"", "h2"}) {
    Ready ready(Options{{"method", "POST"}, {"body", body}});
    Drive how = https();
    std::size_t heard = 0;
    const Meeting meeting = *alpn == '\0' ? plain({kHello}) : http2_peer([&heard](http2::MemoryServer& peer) {
      peer.answer = [&heard](http2::MemoryServer& self, http2::StreamId id) {
        heard = self.seen[id].body.size();
        self.respond(id, {});
      };
    });
    const Told told = how.run(ready, {over_tls(server(alpn), meeting)});
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << alpn << told.error;
    if (*alpn != '\0') {
      EXPECT_EQ(heard, body.size());
    }
  }
}

TEST(HttpTls, the_name_asked_for_follows_the_target) {
  const auto scene = [] { return std::vector{over_tls(server(), plain({kHello}))}; };
  const Told bare = tell_over_tls({}, scene, https(""));
  EXPECT_FALSE(bare.has("tls.sni")) << "an address is no name";
  EXPECT_EQ(bare["tls.certificate.host_matches"], "true") << "127.0.0.1 is in the certificate";
  const Told other = tell_over_tls({}, scene, https("other.example"));
  EXPECT_EQ(other["tls.sni"], "other.example");
  EXPECT_EQ(other["tls.certificate.host_matches"], "false");
  EXPECT_EQ(tell_over_tls({{"sni", "localhost"}}, scene, https("other.example"))["tls.certificate.host_matches"],
            "true");
}

// --- handshakes that fail ---

TEST(HttpTls, certificates_are_judged_where_that_is_wanted) {
  const std::string ca_file = testing::TempDir() + "sonde_http_ca.pem";
  std::ofstream(ca_file) << server().ca.pem();
  const auto scene = [] { return std::vector{over_tls(server(), plain({kHello}))}; };
  const Told trusted = tell_over_tls({{"insecure", "false"}, {"verify", "true"}, {"ca", ca_file}}, scene);
  EXPECT_EQ(trusted.outcome, Outcome::kSuccess) << trusted.error;
  EXPECT_EQ(trusted["tls.verified"], "true");
  const Told strange = tell_over_tls({{"insecure", "false"}, {"verify", "true"}}, scene);
  EXPECT_EQ(strange.outcome, Outcome::kTlsError);
  EXPECT_TRUE(strange.handshaking) << "no request was made";
  EXPECT_FALSE(strange.has("http.status"));
  EXPECT_EQ(strange["tls.verified"], "false");
  EXPECT_EQ(strange["tls.certificate.subject_cn"], "localhost");
  EXPECT_EQ(strange["tls.certificate.expired"], "false");
  EXPECT_FALSE(strange.has("tls.certificate.not_yet_valid") && strange["tls.certificate.not_yet_valid"] == "true")
      << "judged by the present";
  EXPECT_FALSE(strange.farewell.empty()) << "the server is told why";
  const Told other =
      tell_over_tls({{"insecure", "false"}, {"verify", "true"}, {"ca", ca_file}}, scene, https("other.example"));
  EXPECT_EQ(other.outcome, Outcome::kTlsError);
  EXPECT_EQ(other["tls.certificate.host_matches"], "false");
  const Told told_only = tell_over_tls({{"verify", "true"}}, scene);
  EXPECT_EQ(told_only.outcome, Outcome::kSuccess) << "scans accept any";
  EXPECT_EQ(told_only["tls.verified"], "false");
}

TEST(HttpTls, ends_of_the_handshake) {
  const auto tls_end = [](const std::string& said, End end) {
    return tell_over_tls({}, [&] { return std::vector{saying(said, end)}; });
  };
  EXPECT_EQ(tls_end("", End::kFin).error, "closed without a word");
  EXPECT_EQ(tls_end("", End::kReset).error, "reset without a word");
  EXPECT_EQ(tls_end("", End::kSilence).outcome, Outcome::kTimeout);
  EXPECT_EQ(tls_end("", End::kSilence).error, "");
  const std::string half("\x16\x03\x03\x01\x00\x02", 6);
  EXPECT_EQ(tls_end(half, End::kFin).outcome, Outcome::kClosed);
  EXPECT_EQ(tls_end(half, End::kFin).error, "closed during the handshake");
  EXPECT_EQ(tls_end(half, End::kReset).error, "reset during the handshake");
  EXPECT_EQ(tls_end(half, End::kSilence).outcome, Outcome::kTimeout);
  const std::string alert("\x15\x03\x03\x00\x02\x02\x28", 7);
  const Told refused = tls_end(alert, End::kFin);
  EXPECT_EQ(refused.outcome, Outcome::kTlsError);
  EXPECT_TRUE(has(refused.error, "handshake_failure")) << refused.error;
  EXPECT_EQ(refused["tls.alert"], "handshake_failure");
  EXPECT_TRUE(refused.handshaking);
}

TEST(HttpTls, who_speaks_no_tls_is_named) {
  const std::vector<std::pair<std::string, std::string>> others = {
      {"SSH-2.0-OpenSSH_9.2p1\r\n", "ssh"}, {"220 mail.example ESMTP\r\n", "smtp"}, {kPlainToTls, "http"}};
  for (const auto& [text, name] : others) {
    for (const End end : {End::kSilence, End::kFin, End::kReset}) {
      const Told told = tell_over_tls({}, [&] { return std::vector{saying(text, end)}; });
      EXPECT_EQ(told.outcome, Outcome::kProtocolError) << name;
      EXPECT_EQ(told["http.speaks"], name);
      EXPECT_EQ(told.error, "the port speaks " + name + ", not TLS");
      EXPECT_TRUE(told.handshaking);
    }
  }
  const Told unknown = tell_over_tls({}, [] { return std::vector{saying("what do you want?\n")}; });
  EXPECT_EQ(unknown.outcome, Outcome::kProtocolError);
  EXPECT_FALSE(unknown.has("http.speaks"));
  EXPECT_EQ(unknown.took, kSecond / 2);
}

TEST(HttpTls, who_speaks_something_else_within_tls_is_named) {
  const Told told =
      tell_over_tls({}, [] { return std::vector{over_tls(server(), saying("220 mail.example ESMTP\r\n"))}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told["http.speaks"], "smtp");
  EXPECT_EQ(told.error, "the port speaks smtp, not HTTP");
  EXPECT_EQ(told["tls.version"], "TLS1.3");
  const auto greeted = [] {
    auto inner = std::make_shared<PlainPeer>(std::vector<std::string>{}, "* OK IMAP4rev1 ready\r\n");
    return std::vector{over_tls(server(), {.peer = inner, .end = End::kSilence, .unopened = {}})};
  };
  EXPECT_EQ(tell_over_tls({}, greeted)["http.speaks"], "imap");
}

TEST(HttpTls, a_server_that_wants_a_certificate_says_so_behind_the_handshake) {
  const tls::MemoryServer strict{{.verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT}};
  const Told told = tell_over_tls({}, [&] { return std::vector{over_tls(strict, plain({kHello}), false)}; });
  EXPECT_EQ(told.outcome, Outcome::kTlsError) << told.error;
  EXPECT_EQ(told["tls.client_cert_requested"], "true");
  EXPECT_EQ(told["tls.certificate.subject_cn"], "localhost");
  EXPECT_FALSE(told.has("http.status"));
}

// --- behind the tls probe ---

// A session as the tls probe leaves it, with what the server has said behind its handshake.
std::unique_ptr<OpenSession> open_session(const tls::ClientContext& context, TlsPeer& peer, bool hears_greeting) {
  auto session = std::make_unique<tls::ClientSession>(context, tls::SessionOptions{.server_name = "localhost"});
  for (int turn = 0; turn < 4; ++turn) {
    const std::string said = tls::take_outgoing(*session);
    if (said.empty()) break;
    const std::string answer = peer.hear(said);
    if (session->state() != tls::ClientSession::State::kOpen || hears_greeting) {
      tls::feed(*session, answer);
    } else {
      peer.waiting += answer;
    }
  }
  EXPECT_EQ(session->state(), tls::ClientSession::State::kOpen);
  return std::make_unique<OpenSession>(std::move(session));
}

Told behind_tls(const Options& options, const std::string& alpn, const Meeting& inner,
                std::vector<Meeting> further = {}, bool hears_greeting = false, const std::string& scheme = {}) {
  const auto context = tls::make_context({.alpn = {"h2", "http/1.1"}});
  const auto peer = std::make_shared<TlsPeer>(server(alpn), inner.peer);
  Ready ready(options, {"tls", "http"});
  Drive how{.host = "localhost"};
  how.endpoint.port = 4711;
  how.scheme = scheme;
  how.layer = [&] { return open_session(*context, *peer, hears_greeting); };
  further.insert(further.begin(), {.peer = peer, .end = inner.end, .unopened = {}});
  return how.run(ready, further);
}

TEST(HttpBehindTls, goes_on_over_the_open_session) {
  for (const char* alpn : {"h2", "http/1.1"}) {
    const bool two = alpn[1] == '2';
    const Told told = behind_tls({}, alpn, two ? http2_peer(serves()) : plain({kHello}));
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.url"], "https://localhost:4711/") << "TLS is what it speaks";
    EXPECT_EQ(told["http.version"], two ? "2" : "1.1");
    EXPECT_TRUE(told.went.empty());
    EXPECT_FALSE(told.has("tls.version")) << "the tls record stands beside it";
  }
}

TEST(HttpBehindTls, hears_what_came_before_its_request) {
  auto inner = std::make_shared<PlainPeer>(std::vector<std::string>{}, "220 mail.example ESMTP\r\n");
  const Told told = behind_tls({}, "http/1.1", {.peer = inner, .end = End::kSilence, .unopened = {}}, {}, true);
  EXPECT_EQ(told["http.speaks"], "smtp");
  EXPECT_EQ(behind_tls({}, "h2", http2_peer(serves()), {}, true)["http.version"], "2") << "the server's settings";
}

TEST(HttpBehindTls, takes_a_connection_of_its_own_where_the_session_does_not_serve) {
  const Told verified = behind_tls({{"insecure", "false"}, {"verify", "true"}}, "http/1.1", plain({kHello}),
                                   {over_tls(server(), plain({kHello}))});
  EXPECT_EQ(verified.outcome, Outcome::kTlsError) << "nobody has verified that session";
  EXPECT_EQ(verified.went, Went{"localhost 127.0.0.1 4711"});
  const Told version =
      behind_tls({{"http", "1.1"}}, "h2", http2_peer(serves()), {over_tls(server("http/1.1"), plain({kHello}))});
  EXPECT_EQ(version["http.version"], "1.1");
  EXPECT_EQ(version["http.connections"], "2");
  const Told clear = behind_tls({}, "http/1.1", plain({}), {plain({kHello})}, false, "http");
  EXPECT_EQ(clear.outcome, Outcome::kSuccess) << clear.error;
  EXPECT_EQ(clear["http.url"], "http://localhost:4711/");
}

// --- schemes ---

TEST(HttpScheme, follows_the_port_unless_the_target_or_an_option_says) {
  const auto url = [](std::uint16_t port, const std::string& scheme, const Options& options) {
    Ready ready(options);
    Drive how{.scheme = scheme};
    how.endpoint.port = port;
    return how.run(ready, {saying("", End::kFin)})["http.url"];
  };
  EXPECT_EQ(url(80, "", {}), "http://test.example/");
  EXPECT_EQ(url(443, "", {}), "https://test.example/");
  EXPECT_EQ(url(8443, "", {}), "https://test.example:8443/");
  EXPECT_EQ(url(8080, "", {}), "http://test.example:8080/");
  EXPECT_EQ(url(443, "http", {}), "http://test.example:443/");
  EXPECT_EQ(url(443, "", {{"scheme", "http"}}), "http://test.example:443/");
  EXPECT_EQ(url(80, "", {{"scheme", "https"}}), "https://test.example:80/");
  EXPECT_EQ(url(80, "http", {{"scheme", "https"}}), "http://test.example/") << "a URL has its own";
}

TEST(HttpScheme, auto_goes_to_https_where_the_port_speaks_tls) {
  Drive how{.host = "localhost"};
  how.endpoint.port = 8080;
  const Went again = {"localhost 127.0.0.1 8080"};
  const std::string alert("\x15\x03\x01\x00\x02\x02\x46", 7);
  for (const Meeting& first : {plain({kPlainToTls}), saying(alert), saying("", End::kFin), saying("", End::kReset)}) {
    Ready ready(Options{{"scheme", "auto"}});
    const Told told = how.run(ready, {first, over_tls(server(), plain({kHello}))});
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.url"], "https://localhost:8080/");
    EXPECT_EQ(told.went, again);
    EXPECT_FALSE(told.has("http.speaks"));
    EXPECT_FALSE(told.has("http.redirects"));
  }
  Ready ready(Options{{"scheme", "auto"}});
  const Told refused = how.run(ready, {plain({kPlainToTls}), saying(alert)});
  EXPECT_EQ(refused.outcome, Outcome::kTlsError);
  EXPECT_EQ(refused["http.url"], "https://localhost:8080/");
  EXPECT_FALSE(refused.has("http.status")) << "that was of the other scheme";
  const Told neither = tell_over_tls(
      {{"scheme", "auto"}}, [] { return std::vector{saying("", End::kFin), saying("", End::kFin)}; }, std::move(how));
  EXPECT_EQ(neither.outcome, Outcome::kClosed) << "each once";
}

TEST(HttpScheme, an_answer_that_one_should_ask_by_tls_is_told) {
  Drive how;
  how.endpoint.port = 8080;
  const Told told = tell_over_tls({}, [] { return std::vector{plain({kPlainToTls})}; }, std::move(how));
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << "it is an answer";
  EXPECT_EQ(told["http.status"], "400");
  EXPECT_EQ(told["http.speaks"], "tls");
}

TEST(HttpScheme, auto_goes_to_http_where_the_port_speaks_no_tls) {
  Drive how{.host = "localhost"};
  how.endpoint.port = 8443;
  for (const Meeting& first :
       {saying(kPlainToTls), saying("", End::kFin), saying("", End::kReset), saying("SSH-2.0-x\r\n")}) {
    Ready ready(Options{{"scheme", "auto"}});
    const Told told = how.run(ready, {first, plain({kHello})});
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_EQ(told["http.url"], "http://localhost:8443/");
    EXPECT_FALSE(told.has("tls.version"));
  }
  const Told ssh = tell_over_tls(
      {{"scheme", "auto"}}, [] { return std::vector{saying("SSH-2.0-x\r\n"), saying("SSH-2.0-x\r\n")}; },
      std::move(how));
  EXPECT_EQ(ssh.error, "the port speaks ssh, not HTTP");
}

TEST(HttpScheme, auto_stays_where_it_is_answered) {
  Ready ready(Options{{"scheme", "auto"}});
  Drive how;
  const std::string bad = "HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\nUse HTTPS, please";
  const Told told = how.run_cut(ready, [&] { return std::vector{plain({bad})}; });
  EXPECT_EQ(told["http.status"], "400");
  EXPECT_TRUE(told.went.empty());
  const Told ssh = how.run_cut(ready, [&] { return std::vector{saying("SSH-2.0-x\r\n")}; });
  EXPECT_EQ(ssh["http.speaks"], "ssh");
}

// --- redirects over TLS ---

TEST(HttpTls, redirects_across_schemes) {
  const auto to = [](const std::string& location) {
    return "HTTP/1.1 301 Moved\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
  };
  const Told up = tell_over_tls(
      {{"follow", "3"}, {"header", "Authorization: x"}},
      [&] { return std::vector{plain({to("https://localhost/")}), over_tls(server(), plain({kHello}))}; },
      Drive{.host = "localhost"});
  EXPECT_EQ(up.outcome, Outcome::kSuccess) << up.error;
  EXPECT_EQ(up.went, Went{"localhost ? 443"});
  EXPECT_EQ(up["http.final_url"], "https://localhost/");
  EXPECT_EQ(up["tls.sni"], "localhost");
  EXPECT_EQ(up["http.timing_us"], R"({"connect":0,"tls":0,"first_byte":0,"transfer":0,"total":0})");
  const Told down = tell_over_tls({{"follow", "3"}}, [&] {
    return std::vector{over_tls(server(), plain({to("http://localhost/")})), plain({kHello})};
  });
  EXPECT_EQ(down.outcome, Outcome::kSuccess) << down.error;
  EXPECT_FALSE(down.has("tls.version")) << "the last answer came in the clear";
  const Told other = tell_over_tls({{"follow", "3"}}, [&] {
    return std::vector{over_tls(server(), plain({to("https://other.example/")})), over_tls(server(), plain({kHello}))};
  });
  EXPECT_EQ(other["tls.sni"], "other.example");
  EXPECT_EQ(other["tls.certificate.host_matches"], "false");
  const Told gone = tell_over_tls({{"follow", "3"}}, [&] {
    return std::vector{over_tls(server(), plain({to("https://other.example/")})), unopened(Outcome::kRefused)};
  });
  EXPECT_EQ(gone.outcome, Outcome::kRefused);
  EXPECT_EQ(gone["tls.sni"], "localhost") << "the session is that of the last connection that there was";
  EXPECT_EQ(gone["tls.certificate.host_matches"], "true");
  const Told mute = tell_over_tls(
      {{"follow", "3"}}, [&] { return std::vector{plain({to("https://other.example/")}), saying("", End::kReset)}; },
      Drive{.host = "localhost"});
  EXPECT_EQ(mute.outcome, Outcome::kReset);
  EXPECT_EQ(mute.error, "redirected to https://other.example/: reset");
}

TEST(HttpTls, credentials_do_not_go_from_one_scheme_to_the_other) {
  const auto inner = std::make_shared<PlainPeer>(std::vector{kHello});
  const auto secure = std::make_shared<TlsPeer>(server(), inner);
  Ready ready(Options{{"follow", "3"}, {"header", "Authorization: secret"}});
  Drive how{.host = "localhost"};
  const Told told =
      how.run(ready, {plain({"HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n"}),
                      {.peer = secure, .end = End::kSilence, .unopened = {}}});
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_TRUE(has(told.sent.front(), "secret"));
  EXPECT_FALSE(has(secure->heard, "secret")) << secure->heard;
}

}  // namespace
}  // namespace sonde::probes
