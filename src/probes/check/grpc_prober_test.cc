// The grpc prober against servers of HTTP/2 in memory.
#include <gtest/gtest.h>

#include "probes/check/grpc_target.h"
#include "probes/check/stream_drive.h"

namespace sonde::probes {
namespace {

using namespace driven;         // NOLINT(google-build-using-namespace): a test of this one folder
using namespace std::literals;  // NOLINT(google-build-using-namespace)

using Fields = std::vector<std::pair<std::string, std::string>>;

const std::string kServing = "\0\0\0\0\2\x08\x01"s;
const Fields kHead = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kOk = {{"grpc-status", "0"}};

StreamDrive driven_by(GrpcCheck check) {
  auto prober = make_grpc_prober({.name = "m", .kind = ProberKind::kGrpc, .grpc = std::move(check)});
  SONDE_CHECK(prober, "options that go together");
  return StreamDrive(*std::move(prober));
}

Meeting answering(std::function<void(http2::MemoryServer&, http2::StreamId)> answer, End end = End::kSilence) {
  return http2_peer([answer = std::move(answer)](http2::MemoryServer& peer) { peer.answer = answer; }, end);
}
Meeting answering(http2::Answer with) {
  return answering([with = std::move(with)](http2::MemoryServer& self, http2::StreamId id) { self.respond(id, with); });
}
// All of the answer is one block of headers.
Meeting headers_alone(const Fields& fields) {
  return answering([fields](http2::MemoryServer& self, http2::StreamId id) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields)
      list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), 0});
    nghttp2_submit_response(self.session, id, list.data(), list.size(), nullptr);
  });
}
Meeting serving() { return answering({.fields = kHead, .body = kServing, .trailers = kOk}); }

Ran run(const std::function<Meeting()>& scene, GrpcCheck check = {}) {
  StreamDrive drive = driven_by(std::move(check));
  return drive.run_cut(scene);
}
Ran run_answer(const http2::Answer& answer) {
  return run([&] { return answering(answer); });
}

double code_of(const Ran& ran) { return ran.samples.at("probe_grpc_status_code"); }

TEST(GrpcProber, a_service_that_serves_is_a_success) {
  const Ran ran = run(serving);
  EXPECT_TRUE(ran.success) << ran.error;
  const std::map<std::string, double> kExpected = {
      {"probe_grpc_duration_seconds{phase=\"resolve\"}", 0.001},
      {"probe_grpc_duration_seconds{phase=\"check\"}", 0.062},
      {"probe_grpc_duration_seconds{phase=\"connect\"}", 0.002},
      {"probe_grpc_duration_seconds{phase=\"tls\"}", 0.004},
      {"probe_grpc_duration_seconds{phase=\"request\"}", 0.056},
      {"probe_grpc_healthcheck_response{serving_status=\"NOT_SERVING\"}", 0},
      {"probe_grpc_healthcheck_response{serving_status=\"SERVICE_UNKNOWN\"}", 0},
      {"probe_grpc_healthcheck_response{serving_status=\"SERVING\"}", 1},
      {"probe_grpc_healthcheck_response{serving_status=\"UNKNOWN\"}", 0},
      {"probe_grpc_ssl", 0},
      {"probe_grpc_status_code", 0},
      {"probe_ssl_earliest_cert_expiry", 0},
  };
  EXPECT_EQ(ran.samples, kExpected);
  EXPECT_TRUE(ran.logged("debug msg=\"Dialing GRPC without TLS\""));
}

TEST(GrpcProber, asks_as_grpc_does) {
  std::string fields, body;
  StreamDrive drive = driven_by({.service = "foo"});
  drive.target = "https://user@localhost:4711/path?x";
  const Ran ran = drive.run(answering([&](http2::MemoryServer& self, http2::StreamId id) {
    fields = self.seen[id].fields;
    body = self.seen[id].body;
    self.respond(id, {.fields = kHead, .body = kServing, .trailers = kOk});
  }));
  EXPECT_TRUE(ran.success) << "the scheme of a target says nothing";
  for (const char* field : {":method=POST ", ":scheme=http ", ":authority=localhost:4711 ",
                            ":path=/grpc.health.v1.Health/Check ", "content-type=application/grpc ", "te=trailers "})
    EXPECT_NE(fields.find(field), std::string::npos) << field << " in " << fields;
  EXPECT_EQ(body, "\0\0\0\0\5\n\3foo"s);
  EXPECT_EQ(ran.plan.endpoint.port, 4711);
}

TEST(GrpcProber, other_statuses_of_the_service_are_failures) {
  const struct {
    std::string message;
    const char* name;
  } kCases[] = {{"\0\0\0\0\2\x08\x02"s, "NOT_SERVING"},
                {"\0\0\0\0\2\x08\x03"s, "SERVICE_UNKNOWN"},
                {"\0\0\0\0\0"s, "UNKNOWN"},
                {"\0\0\0\0\2\x08\x09"s, "9"}};
  for (const auto& [message, name] : kCases) {
    const Ran ran = run_answer({.fields = kHead, .body = message, .trailers = kOk});
    EXPECT_FALSE(ran.success);
    EXPECT_EQ(ran.outcome, Outcome::kProtocolError);
    EXPECT_EQ(ran.cause, "not_serving");
    EXPECT_EQ(ran.error, "the service's status is "s + name);
    EXPECT_EQ(code_of(ran), 0);
    EXPECT_EQ(ran.samples.at("probe_grpc_healthcheck_response{serving_status=\""s + name + "\"}"), 1);
    EXPECT_EQ(ran.samples.at("probe_grpc_healthcheck_response{serving_status=\"SERVING\"}"), 0);
  }
}

TEST(GrpcProber, a_status_of_grpc_is_told_with_its_text) {
  Fields fields = kHead;
  fields.insert(fields.end(), {{"grpc-status", "5"}, {"grpc-message", "no%20such%1b service"}});
  const Ran ran = run([&] { return headers_alone(fields); });
  EXPECT_EQ(ran.outcome, Outcome::kProtocolError);
  EXPECT_EQ(ran.cause, "grpc_status");
  EXPECT_EQ(ran.error, "grpc status NOT_FOUND: no such\\x1b service");
  EXPECT_EQ(code_of(ran), 5);
  EXPECT_EQ(ran.samples.at("probe_grpc_healthcheck_response{serving_status=\"UNKNOWN\"}"), 0);
}

TEST(GrpcProber, codes_are_those_that_grpc_go_gives) {
  const auto code = [](const http2::Answer& answer) { return code_of(run_answer(answer)); };
  const Fields plain = {{":status", "200"}, {"content-type", "text/html"}};
  EXPECT_EQ(code({.fields = kHead, .body = kServing, .trailers = {{"grpc-status", "12"}}}), 12);
  EXPECT_EQ(code({.fields = kHead, .body = kServing, .trailers = {{"grpc-status", "x"}}}), 13);
  EXPECT_EQ(code({.fields = kHead, .body = kServing, .trailers = {{"a", "b"}}}), 2) << "no status";
  EXPECT_EQ(code({.fields = kHead, .body = kServing}), 13) << "no trailers";
  EXPECT_EQ(code({.fields = kHead, .body = kServing + kServing, .trailers = kOk}), 2) << "two messages";
  EXPECT_EQ(code({.fields = kHead, .body = "\0\0\0\0\1\x08"s, .trailers = kOk}), 13) << "no message";
  EXPECT_EQ(code({.fields = kHead, .body = "\0\0\0\0\2\x08"s, .trailers = kOk}), 13) << "half a message";
  EXPECT_EQ(code({.fields = kHead, .body = "\1\0\0\0\2\x08\x01"s, .trailers = kOk}), 13) << "compressed";
  EXPECT_EQ(code({.fields = kHead, .body = "\0\xff\0\0\2\x08\x01"s, .trailers = kOk}), 8) << "too long";
  EXPECT_EQ(code({.fields = plain, .body = "<html>"}), 2) << "no gRPC";
  for (const auto& [status, expected] : {std::pair("404", 12), {"503", 14}, {"401", 16}, {"403", 7}, {"400", 13}})
    EXPECT_EQ(code_of(run([answered = status] { return headers_alone({{":status", answered}}); })), expected) << status;
  Fields typed = kHead;
  typed[1].second = "application/grpc+proto";
  EXPECT_EQ(code({.fields = typed, .body = kServing, .trailers = kOk}), 0);
  typed[1].second = "application/grpcx";
  EXPECT_EQ(code({.fields = typed, .body = kServing, .trailers = kOk}), 2);
  typed = kHead;
  typed.insert(typed.end(), kOk.begin(), kOk.end());
  EXPECT_EQ(code_of(run([&] { return headers_alone(typed); })), 2) << "a success without a message";
}

TEST(GrpcProber, resets_have_codes_too) {
  const auto code = [](std::uint32_t error) {
    return code_of(run([error] {
      return answering([error](http2::MemoryServer& self, http2::StreamId id) {
        nghttp2_submit_rst_stream(self.session, NGHTTP2_FLAG_NONE, id, error);
      });
    }));
  };
  EXPECT_EQ(code(NGHTTP2_CANCEL), 1);
  EXPECT_EQ(code(NGHTTP2_REFUSED_STREAM), 14);
  EXPECT_EQ(code(NGHTTP2_ENHANCE_YOUR_CALM), 8);
  EXPECT_EQ(code(NGHTTP2_INTERNAL_ERROR), 13);
}

TEST(GrpcProber, a_connection_that_ends_is_unavailable) {
  const struct {
    Meeting meeting;
    Outcome outcome;
    double code;
  } kCases[] = {{unopened(Outcome::kRefused), Outcome::kRefused, 14},
                {saying("", End::kFin), Outcome::kClosed, 14},
                {saying("", End::kReset), Outcome::kReset, 14},
                {saying("", End::kSilence), Outcome::kTimeout, 4},
                {saying("SSH-2.0-OpenSSH_9.2p1\r\n", End::kFin), Outcome::kProtocolError, 14},
                {saying("HTTP/1.1 400 Bad Request\r\n\r\n", End::kFin), Outcome::kProtocolError, 14},
                {answering([](http2::MemoryServer&, http2::StreamId) {}, End::kFin), Outcome::kClosed, 14}};
  for (const auto& [meeting, outcome, code] : kCases) {
    StreamDrive drive = driven_by({});
    const Ran ran = drive.run(meeting);
    EXPECT_EQ(ran.outcome, outcome) << ran.error;
    EXPECT_EQ(code_of(ran), code);
    EXPECT_EQ(ran.cause, "");
    EXPECT_EQ(ran.samples.at("probe_grpc_healthcheck_response{serving_status=\"SERVING\"}"), 0);
    EXPECT_TRUE(ran.logged("error msg=\"can't connect grpc server:\""));
  }
}

TEST(GrpcProber, without_an_address_nothing_was_called) {
  StreamDrive drive = driven_by({.ip = {.prefers_v6 = true, .fallback = false}});
  drive.target = "127.0.0.1:80";
  const Ran ran = drive.run(saying(""));
  EXPECT_EQ(ran.error, "address 127.0.0.1: no suitable address found");
  const std::map<std::string, double> kExpected = {{"probe_grpc_duration_seconds{phase=\"resolve\"}", 0},
                                                   {"probe_grpc_ssl", 0},
                                                   {"probe_grpc_status_code", 0},
                                                   {"probe_ssl_earliest_cert_expiry", 0}};
  EXPECT_EQ(ran.samples, kExpected);
  drive.target = "127.0.0.1:grpc";
  EXPECT_EQ(drive.run(saying("")).error, "parse \"http://127.0.0.1:grpc\": invalid port \":grpc\" after host");
}

TEST(GrpcProber, within_tls) {
  const tls::MemoryServer server{{.alpn = "h2"}};
  TlsConfig insecure;
  insecure.insecure_skip_verify = true;
  StreamDrive drive = driven_by({.tls = true, .tls_config = insecure});
  std::string fields;
  const auto scene = [&] {
    return over_tls(server, answering([&](http2::MemoryServer& self, http2::StreamId id) {
                      fields = self.seen[id].fields;
                      self.respond(id, {.fields = kHead, .body = kServing, .trailers = kOk});
                    }));
  };
  const Ran ran = drive.run_cut(scene, 40, [](const Ran& a, const Ran& b) { return a.same_as(b); });
  EXPECT_TRUE(ran.success) << ran.error;
  EXPECT_FALSE(ran.handshaking);
  EXPECT_EQ(ran.samples.at("probe_grpc_ssl"), 1);
  EXPECT_GT(ran.samples.at("probe_ssl_earliest_cert_expiry"), 0);
  EXPECT_EQ(ran.samples.at("probe_tls_version_info{version=\"TLS 1.3\"}"), 1);
  EXPECT_FALSE(ran.samples.contains("probe_ssl_last_chain_expiry_timestamp_seconds"));
  EXPECT_NE(fields.find(":scheme=https :authority=localhost :path"), std::string::npos) << fields;

  StreamDrive strict = driven_by({.tls = true});
  const Ran unknown = strict.run(scene());
  EXPECT_EQ(unknown.outcome, Outcome::kTlsError);
  EXPECT_EQ(code_of(unknown), 14);
  EXPECT_EQ(unknown.samples.at("probe_grpc_ssl"), 0);
  EXPECT_TRUE(unknown.handshaking);
  const Ran clear = drive.run(saying("HTTP/1.1 400 Bad Request\r\n\r\n", End::kFin));
  EXPECT_EQ(clear.outcome, Outcome::kProtocolError);
  EXPECT_EQ(code_of(clear), 14);
}

TEST(GrpcTarget, is_read_as_go_reads_urls) {
  const auto read = [](const std::string& text) {
    const Parsed<GrpcTarget> target = read_grpc_target(text);
    return target ? target->host + "|" + target->port : target.error().text;
  };
  EXPECT_EQ(read("host:80"), "host|80");
  EXPECT_EQ(read("host"), "host|");
  EXPECT_EQ(read("host:"), "host|");
  EXPECT_EQ(read(":80"), "|80");
  EXPECT_EQ(read("http://host:80/path"), "host|80");
  EXPECT_EQ(read("https://user:pass@host?x=y"), "host|");
  EXPECT_EQ(read("host:80#f"), "host|80");
  EXPECT_EQ(read("[::1]:80"), "::1|80");
  EXPECT_EQ(read("[::1]"), "::1|");
  EXPECT_EQ(read("::1"), "::1|");
  EXPECT_EQ(read("HTTP://host"), "HTTP|") << "only lower case is a scheme";
  EXPECT_EQ(read("foo bar:80"), "parse \"http://foo bar:80\": invalid character \" \" in host name");
  EXPECT_EQ(read("host:x"), "parse \"http://host:x\": invalid port \":x\" after host");
  EXPECT_EQ(read("[::1"), "parse \"http://[::1\": missing ']' in host");
  EXPECT_EQ(read("[::1]x"), "parse \"http://[::1]x\": invalid port \"x\" after host");
  EXPECT_EQ(read("ho\x01st"), "parse \"http://ho\\x01st\": net/url: invalid control character in URL");
}

}  // namespace
}  // namespace sonde::probes
