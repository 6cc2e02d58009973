#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tls/session_pair.h"
#include "wire/tls_names.h"

namespace sonde::tls {
namespace {

using State = ClientSession::State;
using Failure = ClientSession::Failure;

TEST(Session, gives_the_facts_of_every_version) {
  for (const std::uint16_t version : {0x0301, 0x0302, 0x0303, 0x0304})
    for (const bool rsa : {false, true}) {
      SCOPED_TRACE(version);
      Pair pair({.min_version = version, .max_version = version, .rsa = rsa});
      join(pair.session, pair.peer);
      ASSERT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
      const Facts facts = pair.session.facts();
      EXPECT_EQ(facts.version, version);
      EXPECT_EQ(facts.legacy_version, std::min<std::uint16_t>(version, 0x0303));
      EXPECT_EQ(facts.group, wire::kX25519);
      EXPECT_EQ(wire::tls_cipher_name(facts.cipher), SSL_CIPHER_standard_name(SSL_get_current_cipher(pair.peer.ssl)));
      EXPECT_EQ(facts.cipher, SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(pair.peer.ssl)));
      ASSERT_EQ(facts.chain.size(), 2U);
      EXPECT_EQ(text_of(facts.chain[0]), pair.server.identity.der());
      EXPECT_EQ(text_of(facts.chain[1]), pair.server.ca.der());
      EXPECT_FALSE(facts.hello_retry || facts.resumed || facts.client_cert_requested || facts.alert);
      EXPECT_EQ(facts.early_data, EarlyData::kNotOffered);
      EXPECT_STREQ(SSL_get_servername(pair.peer.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
    }
}

TEST(Session, names_no_group_for_the_key_exchange_of_rsa) {
  Pair pair({.max_version = 0x0303, .rsa = true, .ciphers = "AES128-SHA:@SECLEVEL=0"});
  join(pair.session, pair.peer);
  ASSERT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
  EXPECT_EQ(wire::tls_cipher_name(pair.session.facts().cipher), "TLS_RSA_WITH_AES_128_CBC_SHA");
  EXPECT_EQ(pair.session.facts().group, 0);
}

TEST(Session, speaks_weak_suites) {
  for (const char* cipher : {"ADH-AES128-SHA", "AES256-CCM8", "NULL-SHA256", "DHE-RSA-CAMELLIA256-SHA",
                             "ECDHE-RSA-AES256-SHA384", "ARIA128-GCM-SHA256", "DHE-RSA-CHACHA20-POLY1305"}) {
    const std::string only = std::string(cipher) + ":@SECLEVEL=0";
    Pair pair({.max_version = 0x0303, .rsa = true, .ciphers = only.c_str()});
    join(pair.session, pair.peer);
    EXPECT_EQ(pair.session.state(), State::kOpen) << cipher << ": " << pair.session.error();
    EXPECT_STREQ(SSL_get_cipher(pair.peer.ssl), cipher);
  }
}

TEST(Session, follows_a_hello_retry_request) {
  Pair pair({.groups = "P-384"});
  join(pair.session, pair.peer);
  ASSERT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
  EXPECT_TRUE(pair.session.facts().hello_retry);
  EXPECT_EQ(pair.session.facts().group, wire::kSecp384r1);
}

TEST(Session, tells_the_protocol_that_the_server_chose) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    Pair pair({.max_version = version, .alpn = "h2"}, {.alpn = {"http/1.1", "h2"}});
    join(pair.session, pair.peer);
    EXPECT_EQ(pair.session.facts().alpn, "h2");
  }
  Pair none({}, {.alpn = {"h2"}});
  join(none.session, none.peer);
  EXPECT_EQ(none.session.state(), State::kOpen);
  EXPECT_EQ(none.session.facts().alpn, "");
}

TEST(Session, keeps_the_raw_extensions_staple_and_scts) {
  const std::string scts("\x00\x05\x00\x03xyz", 7);
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    Pair pair({.max_version = version, .ocsp = "the staple", .scts = scts});
    join(pair.session, pair.peer);
    ASSERT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
    const Facts facts = pair.session.facts();
    EXPECT_EQ(text_of(facts.stapled_ocsp), "the staple");
    EXPECT_EQ(text_of(facts.scts), scts);
    if (version == 0x0304) {
      EXPECT_EQ(std::vector(facts.extensions.begin(), facts.extensions.end()), (std::vector<std::uint16_t>{43, 51}));
    } else {
      EXPECT_NE(std::ranges::find(facts.extensions, 65281), facts.extensions.end());
    }
  }
}

TEST(Session, carries_data_both_ways_and_closes_both_ways) {
  Pair pair;
  join(pair.session, pair.peer);
  const std::string question(100'000, 'q');
  std::size_t written = 0;
  while (written < question.size()) {
    const std::size_t taken = pair.session.write(bytes_of(std::string_view(question).substr(written)));
    ASSERT_GT(taken, 0U);
    written += taken;
    join(pair.session, pair.peer);
  }
  EXPECT_EQ(pair.peer.received, question);
  pair.peer.write("answer");
  join(pair.session, pair.peer);
  EXPECT_EQ(take_received(pair.session), "answer");

  SSL_shutdown(pair.peer.ssl);
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.session.state(), State::kClosed);
  EXPECT_TRUE(pair.session.facts().close_notify);
  EXPECT_EQ(pair.session.write(bytes_of("late")), 0U);
  EXPECT_FALSE(pair.peer.closed_by_peer);
  pair.session.close();
  join(pair.session, pair.peer);
  EXPECT_TRUE(pair.peer.closed_by_peer);
  pair.session.close();
  EXPECT_TRUE(pair.session.outgoing().empty()) << "close_notify is said once";
}

TEST(Session, end_of_input_when_open_is_closed_without_close_notify) {
  Pair pair;
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.session.end_of_input(), State::kClosed);
  EXPECT_FALSE(pair.session.facts().close_notify);
  EXPECT_EQ(pair.session.failure(), Failure::kNone);
}

TEST(Session, write_stops_when_outgoing_is_full) {
  Pair pair;
  join(pair.session, pair.peer);
  const std::string much(ClientSession::kOutgoingMax * 2, 'x');
  const std::size_t taken = pair.session.write(bytes_of(much));
  EXPECT_GT(taken, ClientSession::kOutgoingMax / 2);
  EXPECT_LE(pair.session.outgoing().size(), ClientSession::kOutgoingMax);
  EXPECT_EQ(pair.session.write(bytes_of("x")), 0U);
  EXPECT_EQ(pair.session.state(), State::kOpen);
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.peer.received.size(), taken);
}

TEST(Session, a_context_makes_sessions_for_many_threads) {
  const auto context = make_context();
  std::vector<std::thread> threads;
  std::atomic<int> open = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const MemoryServer server;
      for (int turn = 0; turn < 20; ++turn) {
        ClientSession session(*context, {.server_name = "localhost"});
        MemoryConnection peer(server);
        join(session, peer);
        open += session.state() == State::kOpen && session.facts().chain.size() == 2;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(open, 80);
}

TEST(Session, a_least_version_below_what_openssl_has_is_no_error) {
  Pair pair({}, {.min_version = 0x0300});
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
}

TEST(Session, closed_before_the_handshake_says_nothing) {
  Pair pair;
  pair.session.close();
  EXPECT_EQ(pair.session.state(), State::kClosed);
  EXPECT_TRUE(pair.session.outgoing().empty());
}

// --- client certificates -------------------------------------------------------------------------------------------

TEST(Session, a_server_that_asks_for_a_certificate_gets_none) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    Pair pair({.max_version = version, .verify = SSL_VERIFY_PEER});
    join(pair.session, pair.peer);
    EXPECT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
    EXPECT_TRUE(pair.session.facts().client_cert_requested);
    EXPECT_TRUE(pair.peer.done);
  }
}

TEST(Session, a_server_that_demands_a_certificate_leaves_its_own_behind) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    Pair pair({.max_version = version, .verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT});
    join(pair.session, pair.peer);
    EXPECT_EQ(pair.session.state(), State::kFailed);
    EXPECT_EQ(pair.session.failure(), Failure::kTls);
    const Facts facts = pair.session.facts();
    EXPECT_EQ(pair.session.error(),
              version == 0x0304 ? "the server refused: certificate_required" : "the server refused: handshake_failure");
    EXPECT_TRUE(facts.client_cert_requested);
    ASSERT_EQ(facts.chain.size(), 2U);
    EXPECT_EQ(text_of(facts.chain[0]), pair.server.identity.der());
    ASSERT_TRUE(facts.alert.has_value());
    EXPECT_EQ(facts.alert->level, 2);
    EXPECT_EQ(facts.alert->number, version == 0x0304 ? 116 : 40);
    EXPECT_EQ(facts.version, version);
  }
}

class Files : public ::testing::Test {
 protected:
  Files() : folder_(std::filesystem::path(::testing::TempDir()) / ("sonde_tls_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string file(const char* name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::filesystem::path folder_;
};

TEST_F(Files, a_configured_certificate_is_shown_to_a_server_that_demands_one) {
  for (const bool rsa : {false, true})
    for (const std::uint16_t version : {0x0303, 0x0304}) {
      Identity client;
      client.make(rsa, "client");
      Pair pair({.max_version = version, .verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT},
                {.cert_file = file("client.pem", client.pem())});
      join(pair.session, pair.peer);
      EXPECT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
      ASSERT_TRUE(pair.peer.done);
      EXPECT_EQ(X509_cmp(SSL_get0_peer_certificate(pair.peer.ssl), client.certificate), 0);
    }
}

TEST_F(Files, errors_name_the_file_and_the_reason) {
  Identity one;
  one.make(false, "one");
  Identity other;
  other.make(false, "other");
  const auto error = [](const ContextOptions& options) {
    const auto context = ClientContext::create(options);
    return context ? std::string() : context.error().text;
  };
  EXPECT_EQ(error({.cert_file = "/nowhere.pem"}), "/nowhere.pem: cannot be read");
  EXPECT_EQ(error({.require_verified = true, .ca_file = "/nowhere.pem"}), "/nowhere.pem: cannot be read");
  const std::string good = file("good.pem", one.pem());
  const std::string garbage = file("garbage.pem", "garbage");
  const std::string wrong = file("other.pem", other.pem());
  EXPECT_EQ(error({.cert_file = garbage}), garbage + ": no start line");
  EXPECT_EQ(error({.cert_file = good, .key_file = garbage}).find(garbage + ": "), 0U);
  EXPECT_EQ(error({.cert_file = good, .key_file = "/nowhere.key"}), "/nowhere.key: cannot be read");
  EXPECT_EQ(error({.cert_file = good, .key_file = wrong}), wrong + ": key values mismatch");
  EXPECT_EQ(error({.key_file = good}), good + ": a key without its certificate");
  EXPECT_EQ(error({.require_verified = true, .ca_file = garbage}).find(garbage + ": "), 0U);
  EXPECT_EQ(error({.min_version = 0x0304, .max_version = 0x0303}),
            "the least TLS version, TLS1.3, is above the greatest, TLS1.2");
  EXPECT_EQ(error({.min_version = 0x0200}), "0x0200 is no version of TLS");
  EXPECT_EQ(error({.alpn = {""}}), "the ALPN name '' must have 1 to 255 bytes");
}

// --- verification --------------------------------------------------------------------------------------------------

TEST_F(Files, require_verified_takes_the_right_chain_and_name_alone) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    const MemoryServer server({.max_version = version});
    const auto outcome = [&](const std::string& ca, const SessionOptions& options) {
      const auto context = make_context({.require_verified = true, .ca_file = ca});
      ClientSession session(*context, options);
      MemoryConnection peer(server);
      join(session, peer);
      if (session.state() == State::kOpen) return std::string("open");
      return session.error();
    };
    const std::string ca = file("ca.pem", server.ca.pem());
    EXPECT_EQ(outcome(ca, {.server_name = "localhost"}), "open");
    EXPECT_EQ(outcome(ca, {.verify_name = "127.0.0.1"}), "open");
    EXPECT_EQ(outcome(ca, {.server_name = "elsewhere", .verify_name = "localhost"}), "open");
    EXPECT_EQ(outcome(ca, {.server_name = "elsewhere"}), "the certificate does not verify: hostname mismatch");
    EXPECT_EQ(outcome(ca, {.verify_name = "127.0.0.2"}), "the certificate does not verify: IP address mismatch");
    EXPECT_EQ(outcome(ca, {}), "no name to verify the certificate against");
    Identity other;
    other.make(false, "other CA");
    EXPECT_EQ(outcome(file("other.pem", other.pem()), {.server_name = "localhost"}),
              "the certificate does not verify: self-signed certificate in certificate chain");
  }
}

// --- failures ------------------------------------------------------------------------------------------------------

TEST(Failures, a_peer_that_speaks_something_else_is_not_tls) {
  const std::pair<std::string, const char*> answers[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak TLS but HTTP"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "the server does not speak TLS but SSH"},
      {"220 mail ESMTP\r\n", "the server does not speak TLS but SMTP or FTP"},
      {std::string("\x16\x50\x2f\x00\x01\x00", 6), "the server does not speak TLS"},
      {std::string("\x00\x01\x02\x03\x04\x05", 6), "the server does not speak TLS"},
  };
  for (const auto& [answer, error] : answers)
    for (const std::size_t piece : {answer.size(), std::size_t{1}}) {
      Pair pair;
      take_outgoing(pair.session);
      feed(pair.session, answer, piece);
      EXPECT_EQ(pair.session.state(), State::kFailed);
      EXPECT_EQ(pair.session.failure(), Failure::kNotTls);
      EXPECT_EQ(pair.session.error(), error);
      EXPECT_TRUE(pair.session.outgoing().empty()) << "no alert to who does not speak TLS";
    }
  Pair brief;
  take_outgoing(brief.session);
  feed(brief.session, "+OK");
  EXPECT_EQ(brief.session.state(), State::kHandshaking);
  brief.session.end_of_input();
  EXPECT_EQ(brief.session.error(), "the server does not speak TLS but POP3");
}

TEST(Failures, an_alert_is_a_refusal_with_its_name) {
  const std::pair<std::string, const char*> alerts[] = {
      {std::string("\x15\x03\x03\x00\x02\x02\x28", 7), "the server refused: handshake_failure"},
      {std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "the server refused: protocol_version"},
      {std::string("\x15\x03\x03\x00\x02\x02\x78", 7), "the server refused: no_application_protocol"},
      {std::string("\x15\x03\x03\x00\x02\x02\xc8", 7), "the server refused: alert_200"},
  };
  for (const auto& [alert, error] : alerts) {
    Pair pair;
    take_outgoing(pair.session);
    feed(pair.session, alert);
    EXPECT_EQ(pair.session.state(), State::kFailed);
    EXPECT_EQ(pair.session.failure(), Failure::kTls);
    EXPECT_EQ(pair.session.error(), error);
    ASSERT_TRUE(pair.session.facts().alert.has_value());
    EXPECT_EQ(pair.session.facts().alert->number, static_cast<unsigned char>(alert.back()));
    EXPECT_EQ(pair.session.facts().version, 0x0300 | alert[2]) << "that of its record";
  }
}

TEST(Failures, a_warning_alert_does_not_end_a_tls12_handshake) {
  Pair pair({.max_version = 0x0303});
  pair.peer.feed(bytes_of(take_outgoing(pair.session)));
  feed(pair.session, std::string("\x15\x03\x03\x00\x02\x01\x70", 7));
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.session.state(), State::kOpen) << pair.session.error();
  ASSERT_TRUE(pair.session.facts().alert.has_value());
  EXPECT_EQ(pair.session.facts().alert->number, 112);
  EXPECT_EQ(pair.session.facts().alert->level, 1);
}

TEST(Failures, no_common_version_is_told) {
  Pair pair({.max_version = 0x0302}, {.min_version = 0x0303});
  join(pair.session, pair.peer);
  EXPECT_EQ(pair.session.error(), "the server refused: protocol_version");
}

TEST(Failures, a_name_too_long_for_tls_is_local) {
  const std::string name(300, 'a');
  Pair pair({}, {}, {.server_name = name});
  EXPECT_EQ(pair.session.failure(), Failure::kLocal);
  EXPECT_TRUE(pair.session.outgoing().empty());
  EXPECT_EQ(pair.session.feed(bytes_of("x")), State::kFailed);
  EXPECT_EQ(pair.session.facts().version, 0);
}

TEST(Failures, a_lie_about_a_length_breaks_tls) {
  for (const std::string& lie :
       {std::string("\x16\x03\x03\xff\xff", 5), std::string("\x16\x03\x03\x00\x00", 5),
        std::string("\x16\x03\x03\x00\x04\x02\xff\xff\xff", 9), std::string("\x17\x03\x03\x00\x01x", 6)}) {
    Pair pair;
    take_outgoing(pair.session);
    feed(pair.session, lie);
    for (int i = 0; i < 40 && pair.session.state() == State::kHandshaking; ++i) feed(pair.session, lie);
    EXPECT_EQ(pair.session.state(), State::kFailed);
    EXPECT_EQ(pair.session.failure(), Failure::kTls);
    EXPECT_EQ(pair.session.error().find("TLS was broken: "), 0U) << pair.session.error();
    EXPECT_FALSE(pair.session.outgoing().empty()) << "who speaks TLS gets an alert";
  }
}

// --- cuts ----------------------------------------------------------------------------------------------------------

TEST(Cuts, one_byte_at_a_time_gives_the_same_facts) {
  for (const std::uint16_t version : {0x0301, 0x0303, 0x0304}) {
    const MemoryServer server({.max_version = version, .groups = "P-384", .alpn = "h2", .ocsp = "staple"});
    const auto context = make_context({.alpn = {"h2"}});
    const auto facts_of = [&](std::size_t piece) {
      ClientSession session(*context, {.server_name = "localhost"});
      MemoryConnection peer(server);
      join(session, peer, piece);
      peer.write("hello");
      join(session, peer, piece);
      const Facts facts = session.facts();
      std::string text = std::to_string(static_cast<int>(session.state())) + std::to_string(facts.version) +
                         std::to_string(facts.cipher) + std::to_string(facts.group) + std::string(facts.alpn) +
                         std::to_string(facts.hello_retry) + std::to_string(session.sessions_received()) +
                         text_of(facts.stapled_ocsp) + take_received(session);
      for (const auto& certificate : facts.chain) text += text_of(certificate);
      return text;
    };
    const std::string whole = facts_of(ClientSession::kFeedMax);
    EXPECT_NE(whole.find("hello"), whole.npos);
    for (const std::size_t piece : {1, 2, 3, 7, 100, 1400}) EXPECT_EQ(facts_of(piece), whole) << piece;
  }
}

TEST(Cuts, an_end_at_every_byte_of_the_flight_is_closed_with_what_was_learned) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    const MemoryServer server({.max_version = version});
    const auto context = make_context();
    std::size_t with_chain = 0;
    for (std::size_t cut = 0;; ++cut) {
      ClientSession session(*context, {.server_name = "localhost"});
      MemoryConnection peer(server);
      peer.feed(bytes_of(take_outgoing(session)));
      const std::string flight = peer.output();
      // The length of an ECDSA signature varies by a few bytes from run to run.
      if (cut + 8 >= flight.size()) break;
      feed(session, flight.substr(0, cut));
      ASSERT_EQ(session.state(), State::kHandshaking) << cut;
      session.end_of_input();
      ASSERT_EQ(session.state(), State::kFailed);
      ASSERT_EQ(session.failure(), Failure::kClosed);
      ASSERT_EQ(session.error(), cut == 0 ? "the server closed the connection without an answer to the ClientHello"
                                          : "the server closed the connection during the handshake");
      const Facts facts = session.facts();
      if (cut >= 140) {  // more than any ServerHello of this server with its record
        ASSERT_EQ(facts.version, version) << cut;
      }
      if (facts.chain.empty()) {
        ASSERT_EQ(with_chain, 0U) << "a longer cut knows less";
        continue;
      }
      ++with_chain;
      ASSERT_EQ(text_of(facts.chain[0]), server.identity.der());
      ASSERT_EQ(session.feed(bytes_of("more")), State::kFailed) << "failed is final";
    }
    EXPECT_GT(with_chain, 50U);
  }
}

}  // namespace
}  // namespace sonde::tls
