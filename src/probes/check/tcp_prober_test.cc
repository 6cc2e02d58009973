// The tcp prober against peers in memory. What blackbox_exporter 0.23 says of the same is in the comments where it is
// not obvious.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "probes/check/stream_drive.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder

Pattern pattern(const std::string& text) { return std::make_shared<const RE2>(text); }

QueryResponse expects(const std::string& text, std::string send = {}) {
  return {.expect = pattern(text), .send = std::move(send)};
}
QueryResponse sends(std::string text) { return {.expect = {}, .send = std::move(text)}; }
QueryResponse turns_to_tls() { return {.expect = {}, .send = {}, .starttls = true}; }

ModuleOptions module_of(TcpCheck check) { return {.name = "m", .kind = ProberKind::kTcp, .tcp = std::move(check)}; }
StreamDrive driven_by(TcpCheck check) {
  auto prober = make_tcp_prober(module_of(std::move(check)));
  SONDE_CHECK(prober, "options that go together");
  return StreamDrive(*std::move(prober));
}
StreamDrive dialogue(std::vector<QueryResponse> entries) { return driven_by({.query_response = std::move(entries)}); }

Meeting greeted(std::string text, End end = End::kSilence) {
  return {.peer = std::make_shared<PlainPeer>(std::vector<std::string>{}, std::move(text)), .end = end, .unopened = {}};
}

// Says the next of its answers to each line.
class LinePeer final : public Peer {
 public:
  LinePeer(std::string greeting, std::vector<std::string> answers)
      : greeting_(std::move(greeting)), answers_(std::move(answers)) {}
  std::string greeting() override { return greeting_; }
  std::string hear(std::string_view bytes) override {
    std::string said;
    for (const char c : bytes) {
      heard += c;
      if (c == '\n' && next_ < answers_.size()) said += answers_[next_++];
    }
    return said;
  }
  std::string heard;

 private:
  std::string greeting_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
};

Meeting lines(std::string greeting, std::vector<std::string> answers, End end = End::kSilence) {
  return {.peer = std::make_shared<LinePeer>(std::move(greeting), std::move(answers)), .end = end, .unopened = {}};
}

// In the clear up to one line, TLS behind it.
class StartTlsPeer final : public Peer {
 public:
  StartTlsPeer(const tls::MemoryServer& server, std::string early, std::shared_ptr<Peer> inner)
      : early_(std::move(early)), tls_(server, std::move(inner)) {}
  std::string greeting() override { return "220 ready\r\n"; }
  std::string hear(std::string_view bytes) override {
    if (secure_) return tls_.hear(bytes);
    const std::size_t end = bytes.find('\n');
    SONDE_CHECK(end != std::string_view::npos, "a line in one send");
    secure_ = true;
    std::string said = "220 go\r\n" + early_;
    if (end + 1 < bytes.size()) said += tls_.hear(bytes.substr(end + 1));
    return said;
  }

 private:
  std::string early_;
  TlsPeer tls_;
  bool secure_ = false;
};

const tls::MemoryServer& server() {
  static const tls::MemoryServer kServer{{}};
  return kServer;
}
TlsConfig insecure() {
  return {.ca_file = {}, .cert_file = {}, .key_file = {}, .server_name = {}, .insecure_skip_verify = true};
}

// Ciphertext differs from run to run; its samples do not.
Ran run_over_tls(StreamDrive& drive, const std::function<Meeting()>& scene) {
  return drive.run_cut(scene, 40, [](const Ran& a, const Ran& b) { return a.same_as(b); });
}

// --- the connection ---

TEST(TcpProber, a_connection_is_enough) {
  StreamDrive drive = driven_by({});
  drive.target = "127.0.0.1:80";
  const Ran ran = drive.run(greeted(""));
  EXPECT_TRUE(ran.success);
  EXPECT_EQ(ran.sent, "");
  EXPECT_FALSE(ran.graceful);
  const std::map<std::string, double> kExpected = {
      {"probe_failed_due_to_regex", 0},
      {"probe_tcp_duration_seconds{phase=\"resolve\"}", 0.001},
      {"probe_tcp_duration_seconds{phase=\"connect\"}", 0.002},
      {"probe_tcp_duration_seconds{phase=\"tls\"}", 0.004},
      {"probe_tcp_duration_seconds{phase=\"dialogue\"}", 0.056},
  };
  EXPECT_EQ(ran.samples, kExpected);
  EXPECT_EQ(ran.log, (std::vector<std::string>{
                         "info msg=\"Resolving target address\" target=127.0.0.1 ip_protocol=ip6",
                         "info msg=\"Resolved target address\" target=127.0.0.1 ip=127.0.0.1",
                         "info msg=\"Dialing TCP without TLS\"",
                         "info msg=\"Successfully dialed\"",
                     }));
}

TEST(TcpProber, one_that_cannot_be_had_fails) {
  StreamDrive drive = driven_by({});
  const Ran ran = drive.run(unopened(Outcome::kRefused));
  EXPECT_FALSE(ran.success);
  EXPECT_EQ(ran.outcome, Outcome::kRefused);
  EXPECT_EQ(ran.samples.at("probe_failed_due_to_regex"), 0);
  EXPECT_EQ(ran.samples.at("probe_tcp_duration_seconds{phase=\"connect\"}"), 0) << "it did not happen";
  EXPECT_TRUE(ran.logged("error msg=\"Error dialing TCP\" err=refused"));
}

TEST(TcpProber, plans_the_way_to_its_target) {
  StreamDrive drive = driven_by({.ip = {.prefers_v6 = false, .fallback = false}, .source_ip_address = "127.0.0.9"});
  const CheckPlan named = drive.run(greeted("")).plan;
  EXPECT_EQ(named.host, "localhost");
  EXPECT_EQ(named.endpoint.port, 80);
  EXPECT_EQ(named.terms.source, IpAddress::v4(0x7f000009));
  EXPECT_EQ(named.terms.ip_version, engine::IpVersion::k4);
  EXPECT_EQ(named.terms.timeout, 5 * kSecond);
  drive.target = "127.0.0.1:ssh";
  const CheckPlan bare = drive.run(greeted("")).plan;
  EXPECT_EQ(bare.host, "");
  EXPECT_EQ(bare.endpoint, (Endpoint{.address = IpAddress::v4(0x7f000001), .port = 22}));
}

TEST(TcpProber, plans_that_fail_say_what_go_says) {
  const auto error_of = [](const std::string& target, TcpCheck check = {}) {
    StreamDrive drive = driven_by(std::move(check));
    drive.target = target;
    const Ran ran = drive.run(greeted(""));
    EXPECT_FALSE(ran.success);
    EXPECT_EQ(ran.samples.at("probe_failed_due_to_regex"), 0);
    EXPECT_TRUE(ran.logged("Error dialing TCP"));
    return ran.error;
  };
  EXPECT_EQ(error_of("127.0.0.1"), "address 127.0.0.1: missing port in address");
  EXPECT_EQ(error_of("::1:80"), "address ::1:80: too many colons in address");
  EXPECT_EQ(error_of(":80"), "lookup : no such host");
  EXPECT_EQ(error_of("127.0.0.1:99999"), "address 99999: invalid port");
  EXPECT_EQ(error_of("127.0.0.1:-1"), "address -1: invalid port");
  EXPECT_EQ(error_of("127.0.0.1:nosuch"), "address tcp/nosuch: unknown port");
  EXPECT_EQ(error_of("127.0.0.1:80", {.source_ip_address = "nonsense"}), "error parsing source ip address: nonsense");
  EXPECT_EQ(error_of("127.0.0.1:80", {.source_ip_address = "::1"}), "address [::1]:0: no suitable address found");
  EXPECT_EQ(error_of("127.0.0.1:80", {.ip = {.prefers_v6 = true, .fallback = false}}),
            "address 127.0.0.1: no suitable address found");
}

TEST(TcpProber, ports_are_go_s) {
  const auto port_of = [](const std::string& text) {
    StreamDrive drive = driven_by({});
    drive.target = "127.0.0.1:" + text;
    return drive.run(greeted("")).plan.endpoint.port;
  };
  EXPECT_EQ(port_of("019722"), 19722);
  EXPECT_EQ(port_of("+80"), 80);
  EXPECT_EQ(port_of(""), 0);
  EXPECT_EQ(port_of("HTTPS"), 443);
  EXPECT_EQ(port_of("65535"), 65535);
}

// --- the dialogue ---

TEST(TcpDialogue, waits_for_a_line_that_matches_anywhere_and_answers_with_its_groups) {
  StreamDrive drive =
      dialogue({expects("name (?P<n>\\w+) (\\w+)", "hi ${1} $2x $2 ${2}x $$ $n $9 ${n} $"), expects("^hi")});
  const Ran ran = drive.run_cut([] { return lines("junk\nmy name ada bob\n", {"hi\n"}); });
  EXPECT_TRUE(ran.success) << ran.error;
  EXPECT_EQ(ran.sent, "hi ada  bob bobx $ ada  ada $\n");
  EXPECT_FALSE(ran.graceful) << "the peer has answered what was said";
  EXPECT_TRUE(ran.logged("debug msg=\"Read line\" line=junk"));
  EXPECT_TRUE(ran.logged("info msg=\"Regexp matched\" regexp=^hi line=hi"));
  EXPECT_TRUE(ran.logged("debug msg=\"Sending line\" line=\"hi ada  bob bobx $ ada  ada $\""));
}

TEST(TcpDialogue, what_is_said_last_goes_out_before_the_connection_closes) {
  StreamDrive drive = dialogue({expects("^SSH-2.0-"), sends("SSH-2.0-blackbox")});
  const Ran ran = drive.run_cut([] { return greeted("SSH-2.0-OpenSSH\r\n"); });
  EXPECT_TRUE(ran.success);
  EXPECT_EQ(ran.farewell, "SSH-2.0-blackbox\n");
  EXPECT_TRUE(ran.graceful);
}

TEST(TcpDialogue, what_is_said_without_a_match_is_not_expanded) {
  StreamDrive drive = dialogue({sends("a${1}b"), expects("^a")});
  const Ran ran = drive.run(lines("", {"a\n"}));
  EXPECT_TRUE(ran.success);
  EXPECT_EQ(ran.sent, "a${1}b\n");
}

TEST(TcpDialogue, lines_are_those_of_bufio_scanner) {
  const auto succeeds = [](const std::string& regexp, const std::string& text, End end) {
    StreamDrive drive = dialogue({expects(regexp)});
    return drive.run_cut([&] { return greeted(text, end); }).success;
  };
  EXPECT_TRUE(succeeds("^abc$", "abc\r\n", End::kSilence)) << "the CR is dropped";
  EXPECT_TRUE(succeeds("^abc$", "abc", End::kFin)) << "the last line needs no end";
  EXPECT_TRUE(succeeds("^abc$", "abc\r", End::kFin));
  EXPECT_FALSE(succeeds("^abc$", "abc", End::kSilence));
  EXPECT_FALSE(succeeds("^abc$", "abc", End::kReset)) << "what is read with the error counts not";
  EXPECT_TRUE(succeeds("^$", "\n", End::kSilence));
  EXPECT_FALSE(succeeds("^$", "", End::kFin)) << "no line at all";
  EXPECT_TRUE(succeeds("^$", "\r", End::kFin));
  EXPECT_FALSE(succeeds("a.*b", "a\nb\n", End::kSilence)) << "a line at a time";
}

TEST(TcpDialogue, a_line_of_64_kib_is_the_longest) {
  const auto run = [](std::size_t size, const std::string& behind, End end) {
    StreamDrive drive = dialogue({expects("^abc$")});
    return drive.run(greeted(std::string(size, 'x') + behind, end));
  };
  EXPECT_TRUE(run(65535, "\nabc\n", End::kSilence).success);
  const Ran longer = run(65536, "\nabc\n", End::kSilence);
  EXPECT_EQ(longer.outcome, Outcome::kProtocolError);
  EXPECT_EQ(longer.cause, "line_too_long");
  EXPECT_EQ(longer.samples.at("probe_failed_due_to_regex"), 0) << "an error of reading, not of the pattern";
  EXPECT_TRUE(longer.logged("Error reading from connection"));
  EXPECT_EQ(run(65536, "", End::kSilence).cause, "line_too_long") << "without waiting for its end";
  EXPECT_EQ(run(65535, "", End::kFin).cause, "no_match");
  EXPECT_TRUE(run(40000, "\n" + std::string(40000, 'y') + "\nabc\n", End::kSilence).success) << "two that are shorter";
}

TEST(TcpDialogue, a_peer_that_ends_without_a_match_fails_for_the_pattern) {
  StreamDrive drive = dialogue({expects("^220", "HELO"), expects("^250")});
  const Ran ran = drive.run_cut([] { return lines("220 hi\n", {"\x1b[31mno\n"}, End::kFin); });
  EXPECT_FALSE(ran.success);
  EXPECT_EQ(ran.outcome, Outcome::kProtocolError);
  EXPECT_EQ(ran.cause, "no_match");
  EXPECT_EQ(ran.error, "no line matches ^250, the last was \\x1b[31mno");
  EXPECT_EQ(ran.samples.at("probe_failed_due_to_regex"), 1);
  EXPECT_TRUE(ran.logged("error msg=\"Regexp did not match\" regexp=^250 line="));
}

TEST(TcpDialogue, silence_and_a_reset_are_no_matter_of_the_pattern) {
  for (const auto& [end, outcome] : {std::pair(End::kSilence, Outcome::kTimeout), {End::kReset, Outcome::kReset}}) {
    StreamDrive drive = dialogue({expects("^220")});
    const Ran ran = drive.run_cut([how = end] { return greeted("421 busy\n", how); });
    EXPECT_EQ(ran.outcome, outcome);
    EXPECT_EQ(ran.cause, "");
    EXPECT_EQ(ran.samples.at("probe_failed_due_to_regex"), 0);
    EXPECT_TRUE(ran.logged("error msg=\"Error reading from connection\""));
  }
}

TEST(TcpDialogue, bytes_that_are_no_utf8_are_characters_as_in_go) {
  StreamDrive drive = dialogue({expects("^a(.)(.)z$", "<$1$2>")});
  const Ran ran = drive.run_cut([] { return greeted("a\xff\xfez\n"); });
  EXPECT_TRUE(ran.success);
  EXPECT_EQ(ran.farewell, "<\xff\xfe>\n") << "the bytes themselves";
}

TEST(TcpDialogue, goes_on_with_the_lines_that_came_early) {
  StreamDrive drive = dialogue({expects("one", "1"), expects("two", "2"), expects("three")});
  const Ran ran = drive.run_cut([] { return greeted("one\ntwo\nthree\n"); });
  EXPECT_TRUE(ran.success);
}

// --- TLS ---

TEST(TcpProberTls, a_handshake_is_a_success_and_tells_of_the_certificate) {
  StreamDrive drive = driven_by({.tls = true, .tls_config = insecure()});
  const Ran ran = run_over_tls(drive, [] { return over_tls(server(), greeted("")); });
  EXPECT_TRUE(ran.success) << ran.error;
  EXPECT_FALSE(ran.handshaking);
  EXPECT_EQ(ran.samples.at("probe_tls_version_info{version=\"TLS 1.3\"}"), 1);
  EXPECT_GT(ran.samples.at("probe_ssl_earliest_cert_expiry"), 0);
  EXPECT_EQ(ran.samples.at("probe_ssl_last_chain_expiry_timestamp_seconds"), -62135596800) << "not verified";
  EXPECT_TRUE(ran.logged("Dialing TCP with TLS"));
  EXPECT_TRUE(ran.logged("Successfully dialed"));
  EXPECT_FALSE(ran.farewell.empty()) << "the last flight and close_notify";
}

TEST(TcpProberTls, verifies_for_the_name_that_is_asked_for) {
  const std::string ca_file = testing::TempDir() + "sonde_tcp_ca.pem";
  std::ofstream(ca_file) << server().ca.pem();
  const auto run = [&](const std::string& target, const std::string& configured, const std::string& hostname) {
    TlsConfig config;
    config.ca_file = ca_file;
    config.server_name = configured;
    StreamDrive drive = driven_by({.tls = true, .tls_config = config});
    drive.target = target;
    drive.hostname = hostname;
    return drive.run(over_tls(server(), greeted("")));
  };
  const Ran good = run("localhost:443", "", "");
  EXPECT_TRUE(good.success) << good.error;
  EXPECT_GT(good.samples.at("probe_ssl_last_chain_expiry_timestamp_seconds"), 0);
  EXPECT_TRUE(run("127.0.0.1:443", "", "").success) << "its address is in the certificate";
  EXPECT_TRUE(run("127.0.0.1:443", "", "localhost").success);
  EXPECT_TRUE(run("127.0.0.1:443", "localhost", "other.example").success) << "what is configured wins";
  const Ran other = run("127.0.0.1:443", "", "other.example");
  EXPECT_EQ(other.outcome, Outcome::kTlsError);
  EXPECT_TRUE(other.handshaking);
  EXPECT_TRUE(other.logged("Error dialing TCP"));
  EXPECT_FALSE(other.logged("Successfully dialed"));
  EXPECT_GT(other.samples.at("probe_ssl_earliest_cert_expiry"), 0) << "a certificate that fails is told all the same";
  EXPECT_FALSE(other.farewell.empty()) << "the server is told why";
  std::remove(ca_file.c_str());
}

TEST(TcpProberTls, holds_its_dialogue_within) {
  StreamDrive drive = driven_by(
      {.query_response = {expects("^220"), sends("HELO me"), expects("^250")}, .tls = true, .tls_config = insecure()});
  const Ran ran = run_over_tls(drive, [] { return over_tls(server(), lines("220 hi\r\n", {"250 ok\r\n"})); });
  EXPECT_TRUE(ran.success) << ran.error;
  const Ran ended = run_over_tls(drive, [] { return over_tls(server(), lines("220 hi\r\n", {"500 no"}), true); });
  EXPECT_EQ(ended.cause, "no_match") << "close_notify ends the last line too";
}

TEST(TcpProberTls, who_speaks_none_fails_in_the_handshake) {
  StreamDrive drive = driven_by({.tls = true, .tls_config = insecure()});
  const Ran ssh = drive.run_cut([] { return greeted("SSH-2.0-OpenSSH_9.2p1\r\n", End::kFin); });
  EXPECT_EQ(ssh.outcome, Outcome::kProtocolError);
  EXPECT_TRUE(ssh.handshaking);
  const Ran closed = drive.run(greeted("", End::kFin));
  EXPECT_EQ(closed.outcome, Outcome::kClosed);
  EXPECT_EQ(drive.run(greeted("", End::kSilence)).outcome, Outcome::kTimeout);
  EXPECT_FALSE(closed.samples.contains("probe_ssl_earliest_cert_expiry"));
}

TEST(TcpProberTls, starttls_turns_in_the_middle) {
  StreamDrive drive = driven_by({.query_response = {expects("^220", "STARTTLS"), expects("^220"), turns_to_tls(),
                                                    sends("HELO me"), expects("^250 inner")},
                                 .tls_config = insecure()});
  const auto scene = [](const std::string& early) {
    return [early] {
      return Meeting{.peer = std::make_shared<StartTlsPeer>(
                         server(), early, std::make_shared<LinePeer>("", std::vector<std::string>{"250 inner\r\n"})),
                     .end = End::kSilence,
                     .unopened = {}};
    };
  };
  const Ran ran = run_over_tls(drive, scene(""));
  EXPECT_TRUE(ran.success) << ran.error;
  EXPECT_TRUE(ran.sent.starts_with("STARTTLS\n\x16\x03"));
  EXPECT_TRUE(ran.logged("TLS Handshake (client) succeeded."));
  EXPECT_EQ(ran.samples.at("probe_tls_version_info{version=\"TLS 1.3\"}"), 1);
  const Ran injected = run_over_tls(drive, scene("250 inner\r\n"));
  EXPECT_EQ(injected.outcome, Outcome::kProtocolError) << "what came in the clear is no answer within TLS";
  EXPECT_TRUE(injected.handshaking);
  EXPECT_TRUE(injected.logged("TLS Handshake (client) failed"));
}

TEST(TcpProberTls, starttls_at_a_peer_that_has_ended) {
  StreamDrive drive = driven_by({.query_response = {expects("^220"), turns_to_tls()}, .tls_config = insecure()});
  const Ran ran = drive.run(greeted("220 bye", End::kFin));
  EXPECT_EQ(ran.outcome, Outcome::kClosed);
  EXPECT_EQ(ran.error, "closed before the TLS handshake");
}

TEST(TcpProberTls, what_cannot_work_is_refused_when_it_is_made) {
  const auto twice = make_tcp_prober(module_of({.query_response = {turns_to_tls()}, .tls = true}));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().text, "query_response: starttls where TLS has begun already");
  TlsConfig config;
  config.ca_file = "/nonexistent/ca.pem";
  EXPECT_FALSE(make_tcp_prober(module_of({.tls = true, .tls_config = config})));
  EXPECT_TRUE(make_tcp_prober(module_of({.tls_config = config}))) << "nobody needs it";
}

}  // namespace
}  // namespace sonde::probes
