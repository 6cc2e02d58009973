#include "probes/dns/dns_probe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "probes/dns/drive.h"
#include "tls/memory_server.h"
#include "wire/dns_builder.h"

namespace sonde::probes {
namespace {

using enum DnsField;
using results::Outcome;
using wire::DnsBuilder;
using Options = DnsDrive::Options;

const Options kAsk = {{"dns-query", "www.example"}};

std::uint16_t id_of(const Octets& query, std::size_t at = 0) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(query[at]) << 8 |
                                    std::to_integer<unsigned>(query[at + 1]));
}
// An answer to the question of kAsk.
DnsBuilder answer_to(const Octets& query, std::uint16_t flags = 0x8180) {
  DnsBuilder builder(flags, id_of(query));
  builder.question("www.example", wire::dns_type::kA);
  return builder;
}
Octets framed(const Octets& message) { return wire::dns_joined({wire::dns_number(message.size(), 2), message}); }
Octets unframed(const Octets& query) { return {query.begin() + 2, query.end()}; }

TEST(Dns, is_declared) {
  const auto module = make_dns_module();
  EXPECT_EQ(module->name(), "dns");
  EXPECT_EQ(module->transport(), Transport::kUdp);
  ASSERT_EQ(module->default_ports().size(), 1U);
  EXPECT_EQ(module->default_ports()[0], 53);
  ASSERT_TRUE(module->configure("dns-transport", "tls"));
  EXPECT_EQ(module->transport(), Transport::kTcp);
  EXPECT_EQ(module->default_ports()[0], 853);
  EXPECT_EQ(module->fields().size(), static_cast<std::size_t>(kCount));
}

TEST(Dns, the_question_is_the_one_given_or_follows_from_the_target) {
  struct Case {
    Options options;
    std::string host;
    std::string query;
    std::string type;
  };
  const std::vector<Case> cases = {
      {{}, "", ".", "NS"},
      {{}, "ns.example", "ns.example.", "A"},
      {{{"dns-type", "soa"}}, "ns.example", "ns.example.", "SOA"},
      {{{"dns-query", "a.example."}}, "ns.example", "a.example.", "A"},
      {{{"dns-query", "a.example"}, {"dns-type", "TYPE65280"}}, "", "a.example.", "TYPE65280"},
      {{{"dns-query", "192.0.2.7"}}, "", "7.2.0.192.in-addr.arpa.", "PTR"},
      {{{"dns-query", "192.0.2.7"}, {"dns-type", "PTR"}}, "", "7.2.0.192.in-addr.arpa.", "PTR"},
      {{{"dns-query", "192.0.2.7"}, {"dns-type", "A"}}, "", "192.0.2.7.", "A"},
      {{{"dns-query", "2001:db8::1"}},
       "",
       "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
       "PTR"},
  };
  for (const Case& one : cases) {
    DnsDrive drive(one.options, one.host);
    drive.start();
    EXPECT_EQ(drive.text(kQuery), one.query);
    EXPECT_EQ(drive.text(kType), one.type);
    EXPECT_EQ(drive.text(kClass), "IN");
    wire::DnsReader reader(drive.sent.at(0));
    wire::DnsQuestion question;
    ASSERT_TRUE(reader.next_question(question));
    EXPECT_EQ(question.name.text(), one.query) << "what is told is what is sent";
    EXPECT_TRUE(reader.header().recursion_desired);
    EXPECT_TRUE(reader.finish());
    ASSERT_TRUE(reader.edns());
    EXPECT_FALSE(reader.edns()->dnssec_ok);
  }
}

TEST(Dns, flags_of_the_query) {
  DnsDrive drive({{"dns-no-recursion", "true"},
                  {"dns-dnssec", "true"},
                  {"dns-class", "ch"},
                  {"dns-query", "version.bind"},
                  {"dns-type", "TXT"}});
  drive.start();
  wire::DnsReader reader(drive.sent.at(0));
  EXPECT_FALSE(reader.header().recursion_desired);
  EXPECT_TRUE(reader.finish());
  EXPECT_TRUE(reader.edns()->dnssec_ok);
  EXPECT_EQ(drive.text(kClass), "CH");
}

TEST(Dns, an_answer_over_udp_is_told_with_its_records) {
  DnsDrive drive(kAsk);
  drive.start();
  ASSERT_EQ(drive.sent.size(), 1U);
  DnsBuilder answer = answer_to(drive.sent[0], 0x8580);
  answer.record(wire::DnsSection::kAnswer, wire::dns_pointer(12), wire::dns_type::kA, 300,
                wire::dns_number(0xc0000207, 4));
  answer.record(wire::DnsSection::kAnswer, wire::dns_pointer(12), wire::dns_type::kTxt, 5,
                wire::dns_string("a\"b\\\x01"));
  answer.soa("example", 60, 7);
  drive.bytes(answer.bytes());
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
  EXPECT_EQ(drive.text(kRcode), "NOERROR");
  EXPECT_EQ(drive.text(kFlags), "aa rd ra");
  EXPECT_EQ(drive.number(kAnswers), 2);
  EXPECT_EQ(drive.number(kAuthorities), 1);
  EXPECT_EQ(drive.number(kAdditionals), 0);
  EXPECT_EQ(drive.number(kSerial), 1);
  EXPECT_EQ(drive.number(kResponseBytes), static_cast<std::int64_t>(answer.bytes().size()));
  EXPECT_EQ(drive.text(kTruncated), "false");
  EXPECT_EQ(drive.text(kTransport), "udp");
  EXPECT_EQ(drive.number(kSent), 1);
  EXPECT_EQ(drive.text(kRecords),
            R"([{"section":"answer","name":"www.example.","type":"A","ttl":300,"data":"192.0.2.7"},)"
            R"({"section":"answer","name":"www.example.","type":"TXT","ttl":5,"data":"\"a\\\"b\\\\\\001\""},)"
            R"({"section":"authority","name":"example.","type":"SOA","ttl":60,)"
            R"("data":"ns.example. admin.example. 1 2 3 4 7"}])");
}

TEST(Dns, an_rcode_is_data) {
  for (const auto& [rcode, name] : {std::pair(2, "SERVFAIL"), std::pair(3, "NXDOMAIN"), std::pair(5, "REFUSED")}) {
    DnsDrive drive(kAsk);
    drive.start();
    drive.bytes(answer_to(drive.sent[0], static_cast<std::uint16_t>(0x8180 | rcode)).bytes());
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
    EXPECT_EQ(drive.text(kRcode), name);
  }
}

TEST(Dns, an_error_without_the_question_is_an_answer) {
  DnsDrive drive(kAsk);
  drive.start();
  drive.bytes(DnsBuilder(0x8180, id_of(drive.sent[0])).bytes());
  EXPECT_FALSE(drive.done()) << "NOERROR about nothing says nothing";
  drive.bytes(DnsBuilder(0x8181, static_cast<std::uint16_t>(id_of(drive.sent[0]) + 1)).bytes());
  EXPECT_FALSE(drive.done()) << "of another query";
  drive.bytes(DnsBuilder(0x8181, id_of(drive.sent[0])).bytes());
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
  EXPECT_EQ(drive.text(kRcode), "FORMERR");
  EXPECT_EQ(drive.number(kIgnored), 2);
}

TEST(Dns, what_answers_another_query_is_waited_past) {
  DnsDrive drive(kAsk);
  drive.start();
  const Octets good = answer_to(drive.sent[0]).address("www.example", 1, 1).bytes();
  Octets wrong_id = good;
  wrong_id[0] ^= std::byte{1};
  Octets a_query = good;
  a_query[2] &= std::byte{0x7f};
  DnsBuilder other_name(0x8180, id_of(drive.sent[0]));
  other_name.question("www.exmaple", wire::dns_type::kA);
  DnsBuilder other_type(0x8180, id_of(drive.sent[0]));
  other_type.question("www.example", wire::dns_type::kTxt);
  int ignored = 0;
  for (const Octets& message :
       {wrong_id, a_query, other_name.bytes(), other_type.bytes(), Octets(), Octets(11), Octets(4000)}) {
    drive.bytes(message);
    EXPECT_FALSE(drive.done());
    EXPECT_EQ(drive.number(kIgnored), ++ignored);
  }
  drive.bytes(good);
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
}

TEST(Dns, nothing_but_answers_to_other_queries_is_a_protocol_error) {
  DnsDrive drive(kAsk);
  drive.start();
  drive.bytes(wire::dns_string("pong"));
  drive.deadline();
  EXPECT_EQ(drive.step.outcome, Outcome::kProtocolError);
  EXPECT_STREQ(drive.step.error, "answers, but none to the query");
}

TEST(Dns, a_query_is_sent_three_times_under_one_id) {
  DnsDrive drive(kAsk);
  drive.start();
  EXPECT_FALSE(drive.pass(999 * kMillisecond));
  EXPECT_TRUE(drive.pass(kMillisecond));
  EXPECT_FALSE(drive.step.anew) << "the read budget runs on";
  EXPECT_FALSE(drive.pass(1999 * kMillisecond));
  EXPECT_TRUE(drive.pass(kMillisecond));
  EXPECT_EQ(drive.context.wake_at, kNever);
  ASSERT_EQ(drive.sent.size(), 3U);
  EXPECT_EQ(drive.sent[0], drive.sent[1]);
  EXPECT_EQ(drive.sent[0], drive.sent[2]);
  EXPECT_EQ(drive.number(kSent), 3);
  drive.deadline();
  EXPECT_EQ(drive.step.outcome, Outcome::kTimeout);
  EXPECT_EQ(drive.text(kRcode), "") << "nothing was learned";
}

TEST(Dns, queries_differ_in_their_ids) {
  DnsDrive one(kAsk);
  one.start();
  std::vector<std::uint16_t> ids;
  for (int i = 0; i < 50; ++i) {
    DnsDrive other(kAsk);
    other.start();
    ids.push_back(id_of(other.sent[0]));
  }
  std::ranges::sort(ids);
  EXPECT_GT(std::ranges::unique(ids).begin() - ids.begin(), 40);
}

TEST(Dns, an_answer_that_is_broken_is_a_protocol_error_that_tells_what_came_before) {
  DnsDrive drive(kAsk);
  drive.start();
  DnsBuilder answer = answer_to(drive.sent[0]);
  answer.address("www.example", 300, 0xc0000207);
  const std::size_t loop = answer.bytes().size();
  answer.record(wire::DnsSection::kAnswer, wire::dns_pointer(loop), wire::dns_type::kA, 1, wire::dns_number(1, 4));
  drive.bytes(answer.bytes());
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kProtocolError);
  EXPECT_STREQ(drive.step.error, "a name in the DNS message is broken");
  EXPECT_NE(drive.text(kRecords).find("192.0.2.7"), std::string::npos);
  EXPECT_EQ(drive.number(kAnswers), 2);
}

TEST(Dns, an_answer_that_is_cut_anywhere_without_saying_so_is_never_success) {
  DnsDrive whole(kAsk);
  whole.start();
  for (std::size_t size = 0;; ++size) {
    DnsDrive drive(kAsk);
    drive.start();
    const Octets answer = answer_to(drive.sent[0]).address("www.example", 300, 0xc0000207).bytes();
    if (size == answer.size()) break;
    drive.bytes(std::span(answer).first(size));
    if (!drive.done()) drive.deadline();
    EXPECT_EQ(drive.step.outcome, Outcome::kProtocolError) << size;
  }
}

TEST(Dns, more_records_than_are_told_are_counted) {
  DnsDrive drive(kAsk);
  drive.start();
  DnsBuilder answer = answer_to(drive.sent[0]);
  for (int i = 0; i < 100; ++i)
    answer.record(wire::DnsSection::kAnswer, wire::dns_pointer(12), wire::dns_type::kA, 1, wire::dns_number(1, 4));
  drive.bytes(answer.bytes());
  EXPECT_EQ(drive.number(kAnswers), 100);
  const std::string records = drive.text(kRecords);
  std::size_t told = 0;
  for (std::size_t at = 0; (at = records.find("\"section\"", at)) != std::string::npos; ++at) ++told;
  EXPECT_EQ(told, 64U);
}

TEST(Dns, a_closed_port_is_refused) {
  DnsDrive drive(kAsk);
  drive.start();
  drive.fail(Outcome::kRefused);
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kRefused);
  EXPECT_STREQ(drive.step.error, "port unreachable");
}

// --- over TCP ---

// A probe whose answer over UDP was cut, and which is on TCP now. Its host is too long to be kept in a small string.
void go_to_tcp(DnsDrive& drive) {
  drive.start();
  drive.bytes(answer_to(drive.sent[0], 0x8380).address("www.example", 1, 1).bytes());
  ASSERT_EQ(drive.step.kind, DnsDrive::Kind::kReconnect);
  EXPECT_TRUE(drive.step.same_task);
  EXPECT_EQ(drive.step.detour->transport, Transport::kTcp);
  EXPECT_EQ(drive.step.detour->address, IpAddress::v4(0x7f000001));
  EXPECT_EQ(drive.step.detour->port, 53);
  EXPECT_EQ(drive.context.wake_at, kNever) << "what is on TCP is not sent again";
  drive.reconnected();
  ASSERT_EQ(drive.sent.size(), 2U);
  EXPECT_EQ(unframed(drive.sent[1]), drive.sent[0]);
}

TEST(Dns, a_cut_answer_is_asked_for_over_tcp) {
  for (const std::string host : {"", "h.example", "a-name-of-a-server-that-is-rather-long.example"}) {
    DnsDrive drive(kAsk, host);
    go_to_tcp(drive);
    DnsBuilder answer = answer_to(drive.sent[0]);
    answer.address("www.example", 300, 0xc0000207);
    drive.bytes(framed(answer.bytes()));
    ASSERT_TRUE(drive.done());
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
    EXPECT_EQ(drive.text(kTransport), "tcp");
    EXPECT_EQ(drive.text(kTruncated), "true");
    EXPECT_EQ(drive.number(kSent), 2);
    EXPECT_NE(drive.text(kRecords).find("192.0.2.7"), std::string::npos);
  }
}

TEST(Dns, a_cut_answer_is_told_where_tcp_brings_none) {
  const std::vector<void (*)(DnsDrive&)> ends = {
      [](DnsDrive& drive) { drive.eof(); }, [](DnsDrive& drive) { drive.deadline(); },
      [](DnsDrive& drive) { drive.fail(Outcome::kRefused); },
      [](DnsDrive& drive) { drive.bytes(Octets(4)); },  // a message of no length
  };
  for (const auto end : ends) {
    DnsDrive drive(kAsk);
    go_to_tcp(drive);
    end(drive);
    ASSERT_TRUE(drive.done());
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
    EXPECT_EQ(drive.text(kTransport), "udp");
    EXPECT_EQ(drive.text(kTruncated), "true");
    EXPECT_EQ(drive.text(kFlags), "tc rd ra");
  }
}

TEST(Dns, over_tcp_any_cut_gives_the_same_and_other_messages_are_waited_past) {
  Options options = kAsk;
  options.emplace_back("dns-transport", "tcp");
  for (std::size_t cut = 1;; ++cut) {
    DnsDrive drive(options);
    drive.start();
    const Octets query = unframed(drive.sent.at(0));
    Octets other = answer_to(query).bytes();
    other[0] ^= std::byte{0x80};
    Octets stream = framed(other);
    const Octets answer = framed(answer_to(query).address("www.example", 300, 0xc0000207).bytes());
    stream.insert(stream.end(), answer.begin(), answer.end());
    if (cut >= stream.size()) break;
    drive.bytes(std::span(stream).first(cut));
    if (!drive.done()) drive.bytes(std::span(stream).subspan(cut));
    ASSERT_TRUE(drive.done()) << cut;
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
    EXPECT_EQ(drive.number(kIgnored), 1);
    EXPECT_EQ(drive.number(kResponseBytes), static_cast<std::int64_t>(answer.size() - 2));
    EXPECT_EQ(drive.text(kTruncated), "") << "of UDP alone";
  }
}

TEST(Dns, over_tcp_a_message_of_the_greatest_length_is_read) {
  Options options = kAsk;
  options.emplace_back("dns-transport", "tcp");
  DnsDrive drive(options);
  drive.start();
  DnsBuilder answer = answer_to(unframed(drive.sent.at(0)));
  answer.record(wire::DnsSection::kAnswer, wire::dns_pointer(12), 65280, 1, Octets(65535 - answer.bytes().size() - 12));
  ASSERT_EQ(answer.bytes().size(), 65535U);
  const Octets stream = framed(answer.bytes());
  for (std::size_t at = 0; at < stream.size(); at += 4096)
    drive.bytes(std::span(stream).subspan(at, std::min<std::size_t>(4096, stream.size() - at)));
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
  EXPECT_EQ(drive.number(kResponseBytes), 65535);
  EXPECT_EQ(drive.text(kRecords), "") << "its text is longer than what is told";
}

TEST(Dns, over_tcp_a_peer_that_sends_on_and_on_is_left) {
  Options options = kAsk;
  options.emplace_back("dns-transport", "tcp");
  DnsDrive drive(options);
  drive.start();
  const Octets other = framed(Octets(12));
  std::size_t sent = 0;
  for (; !drive.done() && sent < 1'000'000; sent += other.size()) drive.bytes(other);
  ASSERT_TRUE(drive.done());
  EXPECT_LT(sent, 300'000U);
  EXPECT_EQ(drive.step.outcome, Outcome::kProtocolError);
}

TEST(Dns, over_tcp_an_end_before_the_answer_is_closed) {
  Options options = kAsk;
  options.emplace_back("dns-transport", "tcp");
  DnsDrive drive(options);
  drive.start();
  drive.bytes(Octets(1));
  drive.eof();
  EXPECT_EQ(drive.step.outcome, Outcome::kClosed);
}

// --- over TLS ---

TEST(Dns, over_tls_the_query_follows_the_handshake) {
  for (const std::uint16_t version : {0x0303, 0x0304}) {
    const tls::MemoryServer server({.max_version = version, .alpn = "dot"});
    tls::MemoryConnection connection(server);
    Options options = kAsk;
    options.emplace_back("dns-transport", "tls");
    DnsDrive drive(options, "localhost");
    drive.start();
    EXPECT_TRUE(drive.context.handshaking);
    bool answered = false;
    for (std::size_t i = 0; i < drive.sent.size() && !drive.done(); ++i) {
      for (const std::byte byte : connection.hear(drive.sent[i]))  // cut everywhere
        drive.bytes(std::span(&byte, 1));
      if (connection.received.empty() || answered) continue;
      EXPECT_FALSE(drive.context.handshaking);
      const auto received = tls::bytes_of(connection.received);
      const Octets query = unframed({received.begin(), received.end()});
      connection.write(tls::text_of(framed(answer_to(query).address("www.example", 1, 1).bytes())));
      answered = true;
      drive.bytes(tls::bytes_of(connection.output()));
    }
    ASSERT_TRUE(drive.done());
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess) << drive.step.error;
    EXPECT_EQ(drive.text(kTlsVersion), version == 0x0304 ? "TLS1.3" : "TLS1.2");
    EXPECT_EQ(drive.text(kTransport), "tls");
    EXPECT_FALSE(drive.farewell.empty());
    connection.feed(drive.farewell);
    EXPECT_TRUE(connection.closed_by_peer) << "with a close_notify";
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(connection.ssl, &alpn, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(alpn), size), "dot");
  }
}

TEST(Dns, over_tls_what_is_no_tls_is_named) {
  Options options = kAsk;
  options.emplace_back("dns-transport", "tls");
  DnsDrive drive(options);
  drive.start();
  drive.bytes(tls::bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kProtocolError);

  DnsDrive alert(options);
  alert.start();
  alert.bytes(tls::bytes_of(std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7)));
  ASSERT_TRUE(alert.done());
  EXPECT_EQ(alert.step.outcome, Outcome::kTlsError);
}

TEST(Dns, options_say_what_would_be_right) {
  const auto module = make_dns_module();
  const auto error = [&](std::string_view option, std::string_view value) {
    const Parsed<> set = module->configure(option, value);
    return set ? std::string() : set.error().text;
  };
  EXPECT_EQ(error("dns-query", "a..b"), "'a..b' is not a domain name: labels of 1 to 63 characters, 253 in all");
  EXPECT_EQ(error("dns-type", "AAAAA"), "'AAAAA' is not a type of records, such as A, TXT or TYPE65");
  EXPECT_EQ(error("dns-class", "XX"), "'XX' is not a class, such as IN, CH or CLASS1");
  EXPECT_EQ(error("dns-transport", "quic"), "'quic' is not one of udp, tcp, tls");
  EXPECT_EQ(error("dns-query", "."), "");
  EXPECT_EQ(error("dns-type", "any"), "");
}

}  // namespace
}  // namespace sonde::probes
