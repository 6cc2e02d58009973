#include <gtest/gtest.h>

#include <deque>

#include "wire/amqp.h"
#include "wire/bson.h"
#include "wire/cut_anywhere.h"
#include "wire/dns_over_tcp.h"
#include "wire/ldap_answer.h"
#include "wire/line.h"
#include "wire/memcached.h"
#include "wire/mongodb.h"
#include "wire/mqtt.h"
#include "wire/mysql.h"
#include "wire/rdp.h"
#include "wire/service_samples.h"
#include "wire/sip.h"
#include "wire/ssh_kex.h"
#include "wire/telnet.h"
#include "wire/tls_answer.h"
#include "wire/vnc.h"

namespace sonde::wire {
namespace {

using namespace samples;

template <typename Processor>
auto parse(const Processor& processor, std::string_view text) {
  check_cut_anywhere(processor, as_bytes(text), [](const auto&, const auto&) { return true; });
  return processor.parse(as_bytes(text));
}

// A frame of all of `text`, whatever is behind it.
template <typename Processor>
auto frame(const Processor& processor, std::string of) {
  static std::deque<std::string> kept;  // frames borrow
  const std::string& text = kept.emplace_back(std::move(of));
  const auto parsed = parse(processor, text);
  EXPECT_EQ(parsed.kind, decltype(parsed)::Kind::kFrame);
  EXPECT_EQ(parsed.consumed, text.size());
  EXPECT_EQ(processor.parse(as_bytes(text + "more")).consumed, text.size());
  return parsed.frame;
}

template <typename Processor>
bool is_error(const Processor& processor, std::string_view text) {
  const auto parsed = parse(processor, text);
  return parsed.kind == decltype(parsed)::Kind::kError;
}

TEST(ServiceFrames, ssh_kexinit_gives_its_ten_lists) {
  const std::string text = kexinit({"a,b", "c", "d", "e", "f", "g", "none", "none", "", ""});
  const SshKexinit kexinit = frame(SshKexProcessor(), text);
  EXPECT_EQ(kexinit.lists[SshKexinit::kKex], "a,b");
  EXPECT_EQ(kexinit.lists[SshKexinit::kMacsToClient], "g");
  EXPECT_EQ(kexinit.lists[SshKexinit::kLanguagesToClient], "");
  frame(SshKexProcessor(), samples::kexinit({"", "", "", "", "", "", "", "", "", ""}));
}

TEST(ServiceFrames, ssh_kexinit_is_bounded_and_checked) {
  EXPECT_TRUE(is_error(SshKexProcessor(), "\0\0\x20\0\x06\x14"sv)) << "longer than is read";
  EXPECT_TRUE(is_error(SshKexProcessor(), "\0\0\0\x20\x06\x14"sv)) << "shorter than its lists";
  EXPECT_TRUE(is_error(SshKexProcessor(), "\0\0\1\0\x06\x15"sv)) << "another message";
  std::string text = some_kexinit();
  text[4] = '\xff';
  EXPECT_TRUE(is_error(SshKexProcessor(), text)) << "padding eats the lists";
  text = some_kexinit();
  text[22] = '\x7f';  // the first list is longer than the packet
  EXPECT_TRUE(is_error(SshKexProcessor(), text));
}

TEST(ServiceFrames, mysql_tells_mariadb_from_mysql) {
  const MysqlGreeting maria = frame(MysqlGreetingProcessor(), mysql("5.5.5-10.11.6-MariaDB-0+deb12u1"));
  EXPECT_EQ(maria.product(), "MariaDB");
  EXPECT_EQ(maria.release(), "10.11.6-MariaDB-0+deb12u1");
  EXPECT_EQ(frame(MysqlGreetingProcessor(), mysql("11.4.2-MariaDB")).release(), "11.4.2-MariaDB");
  const MysqlGreeting plain = frame(MysqlGreetingProcessor(), mysql("8.0.36"));
  EXPECT_EQ(plain.product(), "");
  EXPECT_EQ(plain.release(), "8.0.36");
  EXPECT_EQ(frame(MysqlGreetingProcessor(), mysql("5.5.5-log")).release(), "5.5.5-log") << "of MySQL, not stripped";
  EXPECT_EQ(frame(MysqlGreetingProcessor(), mysql_error("Host 'x' is not allowed")).error, "Host 'x' is not allowed");
  EXPECT_TRUE(is_error(MysqlGreetingProcessor(), "\x4a\0\0\0\x0ax"sv)) << "a version begins with a digit";
  EXPECT_TRUE(is_error(MysqlGreetingProcessor(), "\x4a\0\0\0\x0b"sv));
}

TEST(ServiceFrames, amqp_start_names_the_server) {
  const AmqpAnswer answer = frame(AmqpProcessor(), amqp_start());
  EXPECT_TRUE(answer.started);
  EXPECT_EQ(answer.product, "RabbitMQ");
  EXPECT_EQ(answer.version, "3.10.8");
  EXPECT_FALSE(frame(AmqpProcessor(), "AMQP\0\1\0\0"s).started);
  std::string broken = amqp_start();
  broken.back() = 'x';
  EXPECT_TRUE(is_error(AmqpProcessor(), broken));
  EXPECT_TRUE(is_error(AmqpProcessor(), "\1\0\0\0\1\0\0\0\x0a\0\x0a"sv)) << "longer than is read";
  EXPECT_TRUE(is_error(AmqpProcessor(), "\1\0\0\0\0\0\x20\0\x0a\0\x0b"sv)) << "another method";
  EXPECT_TRUE(is_error(AmqpProcessor(), "AMPQ"));
}

TEST(ServiceFrames, an_unknown_amqp_value_ends_the_table_and_keeps_what_came) {
  const std::string properties = vec(1, "product") + "S" + vec(4, "X") + vec(1, "odd") + "?" + vec(1, "version") + "S";
  const std::string method = "\0\x0a\0\x0a\0\x09"s + vec(4, properties) + vec(4, "") + vec(4, "");
  const std::string text = "\1\0\0"s + vec(4, method) + "\xce";
  const AmqpAnswer answer = frame(AmqpProcessor(), text);
  EXPECT_EQ(answer.product, "X");
  EXPECT_EQ(answer.version, "");
}

TEST(ServiceFrames, mqtt_connack_of_both_versions) {
  EXPECT_EQ(mqtt_code_name(frame(MqttConnackProcessor(), kConnack).code), "not_authorized");
  EXPECT_EQ(mqtt_code_name(frame(MqttConnackProcessor(), "\x20\2\0\0"s).code), "accepted");
  EXPECT_EQ(mqtt_code_name(frame(MqttConnackProcessor(), "\x20\3\0\x84\0"s).code), "unsupported_version");
  for (const std::string_view wrong : {"\x21"sv, "\x20\1"sv, "\x20\2\2"sv, "\x20\2\0\6"sv, "\x20\xff"sv})
    EXPECT_TRUE(is_error(MqttConnackProcessor(), wrong)) << wrong.size();
}

TEST(ServiceFrames, rdp_confirms_with_a_protocol_or_says_why_not) {
  EXPECT_EQ(rdp_security_name(frame(RdpProcessor(), kRdpConfirm)), "credssp");
  std::string failure = kRdpConfirm;
  failure[11] = 3;
  failure[15] = 5;
  EXPECT_EQ(rdp_security_name(frame(RdpProcessor(), failure)), "credssp_required");
  EXPECT_EQ(rdp_security_name(frame(RdpProcessor(), "\3\0\0\x0b\x06\xd0\0\0\0\0\0"s)), "standard");
  EXPECT_TRUE(is_error(RdpProcessor(), "\3\0\0\x0b\x06\xe0"sv)) << "a request";
  EXPECT_TRUE(is_error(RdpProcessor(), "\3\0\0\x0b\x07"sv)) << "lengths that disagree";
  EXPECT_TRUE(is_error(RdpProcessor(), "\3\0\1\0"sv));
}

TEST(ServiceFrames, vnc_memcached_and_sip) {
  EXPECT_EQ(frame(VncProcessor(), kVnc).version, "003.008");
  EXPECT_TRUE(is_error(VncProcessor(), "RFB 3.8"));
  EXPECT_EQ(frame(MemcachedProcessor(), kMemcached).version, "1.6.18");
  EXPECT_EQ(frame(MemcachedProcessor(), "ERROR\r\n").version, "");
  EXPECT_TRUE(is_error(MemcachedProcessor(), "ERROR: no\r\n"));
  EXPECT_TRUE(is_error(MemcachedProcessor(), "VERSION \r\n"));
  EXPECT_TRUE(is_error(MemcachedProcessor(), "VERSION " + std::string(200, '1')));
  EXPECT_EQ(frame(SipProcessor(), kSip).server, "Asterisk PBX 20.1.0");
  EXPECT_EQ(frame(SipProcessor(), kSip).status, 200);
  EXPECT_EQ(frame(SipProcessor(), "SIP/2.0 404 x\r\nUser-Agent: y\r\n\r\n").server, "y");
  EXPECT_TRUE(is_error(SipProcessor(), "SIP/2.0 OK\r\n"));
  EXPECT_TRUE(is_error(SipProcessor(), "SIP/2.0 200 " + std::string(9000, 'a')));
}

TEST(ServiceFrames, mongodb_in_both_kinds_of_message) {
  EXPECT_EQ(frame(MongoProcessor(), mongo_reply(mongo_hello())).max_wire_version, 21);
  EXPECT_EQ(frame(MongoProcessor(), mongo_reply(mongo_hello(), true)).max_wire_version, 21);
  EXPECT_EQ(mongo_release(21), "7.0");
  EXPECT_EQ(mongo_release(-1), "");
  EXPECT_EQ(frame(MongoProcessor(), mongo_reply(bson("\2version\0\6\0\0\0003.6.1\0"s))).version, "3.6.1");
  std::string foreign = mongo_reply(mongo_hello());
  foreign[8] = 'x';
  EXPECT_TRUE(is_error(MongoProcessor(), foreign)) << "an answer to another question";
  EXPECT_TRUE(is_error(MongoProcessor(), "\xff\xff\xff\x7f"sv));
}

TEST(ServiceFrames, bson_steps_over_what_it_need_not_know_and_stops_at_what_is_broken) {
  const std::string deep = [] {
    std::string document = bson("");
    for (int i = 0; i < 100; ++i) document = bson("\x03x\0"s + document);
    return document;
  }();
  const std::string elements = "\x03"s + "deep\0"s + deep + "\x0br\0a\0i\0"s + "\x05"s + "b\0\2\0\0\0\0xy"s +
                               "\x0an\0"s + "\x10"s + "last\0\7\0\0\0"s;
  std::string_view rest = elements;
  std::string names;
  while (const auto element = bson_take(rest)) names.append(element->name).append(" ");
  EXPECT_EQ(names, "deep r b n last ");
  for (const std::string_view broken :
       {"\x10x\0\1\0"sv, "\x02x\0\xff\xff\xff\xff"sv, "\x02x\0\0\0\0\0"sv, "\x77x\0"sv, "\x10x"sv, "\x0bx\0a"sv}) {
    rest = broken;
    EXPECT_FALSE(bson_take(rest)) << broken.size();
  }
}

TEST(ServiceFrames, ldap_names_the_vendor) {
  const LdapAnswer answer = frame(LdapAnswerProcessor(), ldap_root_dse());
  EXPECT_EQ(answer.vendor, "389 Project");
  EXPECT_EQ(answer.version, "389/2.3.1");
  EXPECT_EQ(frame(LdapAnswerProcessor(), "\x30\x0c\2\1\1\x65\7\x0a\1\0\4\0\4\0"s).vendor, "") << "a result";
  frame(LdapAnswerProcessor(), "\x30\x84\0\0\0\x0c\2\1\1\x65\7\x0a\1\0\4\0\4\0"s);
  EXPECT_TRUE(is_error(LdapAnswerProcessor(), "\x30\x0c\2\1\1\x63"sv)) << "a request";
  EXPECT_TRUE(is_error(LdapAnswerProcessor(), "\x30\x0c\4"sv));
  EXPECT_TRUE(is_error(LdapAnswerProcessor(), "\x30\x84\1\0\0\0"sv)) << "longer than is read";
}

TEST(ServiceFrames, dns_tells_its_version) {
  EXPECT_EQ(frame(DnsOverTcpProcessor(), dns_version()).version, "9.18.24");
  const DnsVersionAnswer refused = frame(DnsOverTcpProcessor(), "\0\x0c\xd5\xe9\x80\5\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(refused.code, 5);
  EXPECT_EQ(refused.version, "");
  EXPECT_TRUE(is_error(DnsOverTcpProcessor(), "\0\x0c\xd5\xe9\0"sv)) << "a question";
  EXPECT_TRUE(is_error(DnsOverTcpProcessor(), "\0\x0c\xd5\xe8"sv)) << "another's answer";
  EXPECT_TRUE(is_error(DnsOverTcpProcessor(), "\0\x0b"sv));
}

TEST(ServiceFrames, telnet_commands_one_by_one) {
  const auto first = parse(TelnetProcessor(), kTelnet);
  EXPECT_EQ(first.frame.verb, 253);
  EXPECT_EQ(first.frame.option, 24);
  EXPECT_EQ(first.consumed, 3U);
  EXPECT_TRUE(is_error(TelnetProcessor(), "\xff\xf0"sv));
}

TEST(ServiceFrames, tls_tells_the_version_that_was_chosen) {
  EXPECT_EQ(frame(TlsAnswerProcessor(), tls_server_hello()).version, 0x0304);
  EXPECT_EQ(frame(TlsAnswerProcessor(), tls_server_hello("")).version, 0x0303);
  EXPECT_TRUE(frame(TlsAnswerProcessor(), kTlsAlert).is_alert);
  const std::string piece = "\x16\3\3"s + vec(2, tls_server_hello().substr(5, 20));
  EXPECT_EQ(frame(TlsAnswerProcessor(), piece).version, 0) << "the first record has a part of the ServerHello";
  for (const std::string_view wrong : {"\x17"sv, "\x16\2"sv, "\x16\3\5"sv, "\x16\3\3\0\4\1"sv, "\x16\3\3\0\0"sv,
                                       "\x16\3\3\0\4\2\xff\xff\xff"sv, "\x15\3\3\0\2\3"sv, "\x15\3\3\0\3"sv})
    EXPECT_TRUE(is_error(TlsAnswerProcessor(), wrong)) << wrong.size();
}

}  // namespace
}  // namespace sonde::wire
