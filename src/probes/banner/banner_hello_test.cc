// Which hello is said when, on which connection, and what comes of the answers.
#include <gtest/gtest.h>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"
#include "wire/service_samples.h"
#include "wire/tls_client_hello_reader.h"

namespace sonde::probes {
namespace {

using results::Outcome;
using namespace std::string_literals;

constexpr Nanos kHalf = 500 * kMillisecond;
constexpr std::string_view kHttpHello = "GET / HTTP/1.0\r\n\r\n";

std::string sent(Hello hello) { return std::string(wire::as_text(bytes_of(hello))); }

Conversation answers(std::string_view text, Nanos after = 0, End end = End::kSilence) {
  return {.pieces = {{}, {.bytes = text, .after = kHalf + after, .answers = true}}, .end = end};
}
const Conversation kMute;
const std::string kServerHello = wire::samples::tls_server_hello();

// What answers a hello said at once, as they are on later connections.
Conversation at_once(std::string_view text, Nanos after = 0, End end = End::kSilence) {
  return {.pieces = {{.bytes = text, .after = after, .answers = true}}, .end = end};
}

Timed hear(const std::vector<Conversation>& conversations, std::uint16_t port = 4711, const char* hello = "auto") {
  const auto module = make_banner_module();
  EXPECT_TRUE(module->configure("hello", hello));
  return TimedRun(*module, port).run(conversations);
}

TEST(BannerHello, the_ports_own_comes_first_and_its_answer_ends_the_probe) {
  struct Case {
    std::uint16_t port;
    Hello hello;
    std::string answer;
    std::string_view protocol;
  };
  using namespace wire::samples;
  const Case cases[] = {
      {6379, Hello::kRedis, kRedisInfo, "redis"},
      {1883, Hello::kMqtt, kConnack, "mqtt"},
      {5672, Hello::kAmqp, amqp_start(), "amqp"},
      {3389, Hello::kRdp, kRdpConfirm, "rdp"},
      {11211, Hello::kMemcached, kMemcached, "memcached"},
      {27017, Hello::kMongodb, mongo_reply(mongo_hello()), "mongodb"},
      {389, Hello::kLdap, ldap_root_dse(), "ldap"},
      {5060, Hello::kSip, kSip, "sip"},
      {53, Hello::kDns, dns_version(), "dns"},
      {5432, Hello::kPostgres, postgres_error(), "postgres"},
      {443, Hello::kTls, tls_server_hello(), "tls"},
  };
  for (const Case& one : cases) {
    const Timed heard = hear({answers(one.answer, kMillisecond)}, one.port);
    EXPECT_EQ(heard.heard.outcome, Outcome::kSuccess) << one.protocol;
    EXPECT_EQ(heard.heard.sent, sent(one.hello)) << one.protocol;
    EXPECT_EQ(heard.heard.protocol, one.protocol);
    EXPECT_EQ(heard.heard.hello, name_of(one.hello));
    EXPECT_EQ(heard.heard.bytes, static_cast<std::int64_t>(one.answer.size())) << one.protocol;
    EXPECT_EQ(heard.connections, 1U) << one.protocol;
    EXPECT_EQ(heard.took, kHalf + kMillisecond) << one.protocol;
  }
}

TEST(BannerHello, silence_leads_to_the_next_on_another_connection_and_is_said_to_the_engine) {
  const Timed mute = hear({kMute}, 5432);
  EXPECT_EQ(mute.heard.sent, sent(Hello::kPostgres) + std::string(kHttpHello) + sent(Hello::kTls));
  EXPECT_EQ(mute.connections, 3U);
  EXPECT_EQ(mute.waited, Outcome::kTimeout);
  EXPECT_EQ(mute.heard.outcome, Outcome::kTimeout);
  EXPECT_EQ(mute.took, 3 * kHalf + kReadBudget);
  EXPECT_EQ(mute.heard.hello, "") << "none was answered";

  const Timed tls = hear({kMute, at_once(kServerHello)});
  EXPECT_EQ(tls.heard.protocol, "tls");
  EXPECT_EQ(tls.heard.tls, "TLS1.3");
  EXPECT_EQ(tls.heard.version, "");
  EXPECT_EQ(tls.heard.hello, "tls");
  EXPECT_EQ(tls.took, 2 * kHalf);
}

TEST(BannerHello, who_speaks_first_gets_none_and_none_is_named) {
  const Timed heard = hear({{.pieces = {{"+OK ready\r\n", kMillisecond}}, .end = End::kSilence}}, 6379);
  EXPECT_EQ(heard.heard.sent, "");
  EXPECT_EQ(heard.heard.hello, "");
  EXPECT_EQ(heard.heard.protocol, "pop3") << "a port that turns out to speak something else is named";
}

TEST(BannerHello, the_last_one_is_waited_for_as_long_as_the_read_phase_lasts) {
  EXPECT_EQ(hear({kMute, at_once("HTTP/1.0 400 no\r\n\r\n", 3 * kSecond)}).heard.protocol, "http");
  EXPECT_EQ(hear({answers("HTTP/1.0 200 slow\r\n\r\n", 600 * kMillisecond), kMute}).heard.protocol, "")
      << "too late for one that is not the last";
}

TEST(BannerHello, closing_leads_to_the_next_and_at_all_of_them_is_closed) {
  const Conversation shuts = answers("", 0, End::kFin);
  const Timed heard = hear({shuts, at_once(kServerHello)});
  EXPECT_EQ(heard.heard.protocol, "tls");
  EXPECT_EQ(heard.connections, 2U);
  EXPECT_EQ(heard.waited, Outcome::kSuccess) << "nothing was waited for in vain";
  const Spoken closed = hear({shuts, at_once("", 0, End::kFin)}).heard;
  EXPECT_EQ(closed.outcome, Outcome::kClosed);
  EXPECT_EQ(closed.error, "closed without a word, at a hello");
  const Spoken reset = hear({answers("", 0, End::kReset), at_once("", 0, End::kReset)}).heard;
  EXPECT_EQ(reset.outcome, Outcome::kReset);
  EXPECT_EQ(reset.error, "reset without a word, at a hello");
  EXPECT_EQ(hear({shuts, kMute}).heard.outcome, Outcome::kClosed);
}

TEST(BannerHello, closing_before_any_hello_is_the_verdict) {
  for (const End end : {End::kFin, End::kReset}) {
    const Timed heard = hear({{.pieces = {{"", kMillisecond}}, .end = end}});
    EXPECT_EQ(heard.heard.outcome, end == End::kFin ? Outcome::kClosed : Outcome::kReset);
    EXPECT_EQ(heard.connections, 1U);
  }
}

TEST(BannerHello, nonsense_leads_to_the_next_and_is_kept_when_nothing_better_comes) {
  const std::string text = "\x83\x00\x01x"s;
  for (const End end : {End::kSilence, End::kFin, End::kReset}) {
    const Conversation nonsense = answers(text, 0, end);
    const Timed named = hear({nonsense, at_once(kServerHello)});
    EXPECT_EQ(named.heard.protocol, "tls");
    for (const Conversation& then : {kMute, at_once("", 0, End::kFin), at_once("other nonsense\n")}) {
      const Timed kept = hear({nonsense, then});
      EXPECT_EQ(kept.heard.outcome, Outcome::kSuccess);
      EXPECT_EQ(kept.heard.protocol, "unknown");
      EXPECT_EQ(kept.heard.text, "\\x83\\x00\\x01x");
      EXPECT_EQ(kept.heard.hello, "http");
      EXPECT_LE(kept.took, 4 * kHalf) << "nothing more is waited for";
      EXPECT_EQ(kept.leases_out, 0U);
    }
  }
}

TEST(BannerHello, a_bad_request_may_be_a_server_of_tls_that_was_spoken_to_in_the_clear) {
  const std::string bad = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>";
  EXPECT_EQ(hear({answers(bad), at_once(kServerHello)}).heard.protocol, "tls");
  const Timed http = hear({answers(bad), at_once(bad)});
  EXPECT_EQ(http.heard.protocol, "http");
  EXPECT_EQ(http.heard.product, "nginx");
  EXPECT_EQ(hear({answers(bad), kMute}).heard.hello, "http");
  EXPECT_EQ(hear({answers("HTTP/1.1 404 Not Found\r\n\r\n")}).connections, 1U);
}

TEST(BannerHello, who_answers_anothers_hello_gets_its_own_and_tells_its_version) {
  using namespace wire::samples;
  struct Case {
    std::string other, own;
    Hello hello;
    std::string_view version;
  };
  const Case cases[] = {{"-ERR wrong number of arguments for 'get' command\r\n", kRedisInfo, Hello::kRedis, "7.0.15"},
                        {"ERROR\r\n", kMemcached, Hello::kMemcached, "1.6.18"},
                        {"AMQP\0\0\x09\x01"s, amqp_start(), Hello::kAmqp, "3.10.8"},
                        {kTlsAlert, kServerHello, Hello::kTls, ""}};
  for (const Case& one : cases) {
    const Timed heard = hear({answers(one.other), at_once(one.own)});
    EXPECT_EQ(heard.heard.sent, std::string(kHttpHello) + sent(one.hello));
    EXPECT_EQ(heard.heard.hello, name_of(one.hello));
    EXPECT_EQ(heard.heard.version, one.version);
    EXPECT_EQ(heard.heard.text, hear({answers(one.own)}, 4711, "http").heard.text);
    for (const Conversation& then : {kMute, at_once("", 0, End::kFin), at_once("", 0, End::kReset)}) {
      const Timed kept = hear({answers(one.other), then});
      EXPECT_EQ(kept.heard.outcome, Outcome::kSuccess);
      EXPECT_EQ(kept.heard.protocol, name_of(one.hello)) << "its first answer counts";
      EXPECT_EQ(kept.heard.hello, "http");
      EXPECT_EQ(kept.connections, 2U);
      EXPECT_LE(kept.took, 2 * kHalf);
    }
    EXPECT_EQ(hear({answers(one.other)}, 4711, "http").connections, 1U) << "what was asked for is what is said";
  }
  EXPECT_EQ(hear({kMute, kMute, answers("ERROR\r\n"), at_once(kMemcached)}, 5432).connections, 4U)
      << "as many as there may be";
  EXPECT_EQ(hear({answers("-NOAUTH go away\r\n")}, 6379).connections, 1U) << "it was its own";
}

TEST(BannerHello, silence_is_longer_where_the_peer_is_far_away) {
  const auto module = make_banner_module();
  const auto began = [&](Nanos connect_time) {
    TimedRun run(*module, 4711);
    run.connect_time = connect_time;
    return run.run({kMute}).took - kReadBudget;
  };
  EXPECT_EQ(began(kMillisecond), 2 * kHalf);
  EXPECT_EQ(began(600 * kMillisecond), 2 * 1200 * kMillisecond);
  EXPECT_EQ(began(10 * kSecond), 2 * 2 * kSecond);
}

TEST(BannerHello, a_half_answer_on_a_later_connection_is_enough_for_a_name) {
  for (const End end : {End::kSilence, End::kFin, End::kReset}) {
    const Timed heard = hear({kMute, at_once("HTTP/1.1 400 Bad", 0, end)});
    EXPECT_EQ(heard.heard.outcome, Outcome::kSuccess);
    EXPECT_EQ(heard.heard.protocol, "http");
  }
}

TEST(BannerHello, telnet_ends_with_silence_though_its_prompt_has_no_line_end) {
  const Timed heard = hear({{.pieces = {{wire::samples::kTelnet}}, .end = End::kSilence}}, 23);
  EXPECT_EQ(heard.heard.protocol, "telnet");
  EXPECT_EQ(heard.heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(heard.took, kHalf);
}

TEST(BannerHello, none_listens_only) {
  const Timed mute = hear({kMute}, 443, "none");
  EXPECT_EQ(mute.heard.sent, "");
  EXPECT_EQ(mute.heard.outcome, Outcome::kTimeout);
  EXPECT_EQ(mute.connections, 1U);
  EXPECT_EQ(mute.took, kReadBudget);
  const Timed ssh = hear({{.pieces = {{"SSH-2.0-x\r\n"}}, .end = End::kSilence}}, 22, "none");
  EXPECT_EQ(ssh.took, 0) << "nor is there an identification to answer";
}

TEST(BannerHello, names_are_said_in_their_order_whatever_the_port) {
  EXPECT_EQ(hear({kMute}, 443, "redis,http").heard.sent, "INFO server\r\n" + std::string(kHttpHello));
  EXPECT_EQ(hear({kMute}, 443, "mqtt,mqtt").connections, 1U);
  const auto module = make_banner_module();
  for (const char* wrong : {"", "htp", "http,", "none,http", "http,tls,redis,mqtt,amqp"})
    EXPECT_FALSE(module->configure("hello", wrong)) << wrong;
  EXPECT_NE(module->configure("hello", "htp").error().text.find("http"), std::string::npos);
}

TEST(BannerHello, an_ssh_server_tells_its_algorithms) {
  const std::string text = "SSH-2.0-OpenSSH_9.2p1\r\n";
  const std::string kexinit = wire::samples::some_kexinit();
  for (const Nanos pause : {Nanos{0}, kMillisecond}) {
    const Timed heard =
        hear({{.pieces = {{text}, {.bytes = kexinit, .after = pause, .answers = pause > 0}}, .end = End::kSilence}});
    EXPECT_EQ(heard.heard.outcome, Outcome::kSuccess);
    EXPECT_EQ(heard.took, pause);
    EXPECT_EQ(heard.heard.text, "SSH-2.0-OpenSSH_9.2p1");
    EXPECT_EQ(heard.heard.bytes, static_cast<std::int64_t>(text.size())) << "the identification alone";
    EXPECT_EQ(heard.heard.kex, (std::vector<std::string>{"curve25519-sha256", "kex-strict-s-v00@openssh.com"}));
    EXPECT_EQ(heard.heard.ciphers, (std::vector<std::string>{"aes128-ctr", "aes256-ctr"}))
        << "equal in both directions";
  }
  for (const End end : {End::kSilence, End::kFin, End::kReset}) {
    const Timed alone = hear({{.pieces = {{text}}, .end = end}});
    EXPECT_EQ(alone.heard.outcome, Outcome::kSuccess) << "the identification is whole";
    EXPECT_TRUE(alone.heard.kex.empty());
  }
}

TEST(BannerHello, the_client_hello_is_one) {
  const auto hello = wire::read_client_hello(bytes_of(Hello::kTls));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->versions(), (std::vector<std::uint16_t>{0x0304, 0x0303, 0x0302, 0x0301}));
  EXPECT_EQ(hello->server_name(), "");
}

}  // namespace
}  // namespace sonde::probes
