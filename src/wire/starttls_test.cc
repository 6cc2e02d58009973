#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "wire/cut_anywhere.h"
#include "wire/ldap.h"
#include "wire/mysql.h"
#include "wire/postgres.h"
#include "wire/starttls_drive.h"
#include "wire/xmpp.h"

namespace sonde::wire {
namespace {

using namespace std::string_literals;
using Kind = StartTlsStep::Kind;

// The verdict on what a server says, the same however it is cut: at once, in single bytes, and in two at every place.
StartTlsPlay play(StartTls protocol, std::string_view server, std::string_view host = "example.org") {
  const auto bytes = as_bytes(server);
  const StartTlsPlay whole = play_starttls(protocol, bytes, host, [](std::size_t) { return SIZE_MAX; });
  check_same_play(whole, play_starttls(protocol, bytes, host, [](std::size_t) { return 1; }));
  for (std::size_t first = 1; first < bytes.size(); first += bytes.size() > 2000 ? 997 : 1)
    check_same_play(
        whole, play_starttls(protocol, bytes, host, [&](std::size_t given) { return given == 0 ? first : SIZE_MAX; }));
  return whole;
}

struct Dialogue {
  const char* name;
  StartTls protocol;
  std::string server;
  Kind kind;
  std::string text;  // of the verdict
  std::string sent;
};

void check(const std::vector<Dialogue>& dialogues) {
  for (const Dialogue& dialogue : dialogues) {
    SCOPED_TRACE(dialogue.name);
    const StartTlsPlay result = play(dialogue.protocol, dialogue.server);
    EXPECT_EQ(result.kind, dialogue.kind);
    EXPECT_EQ(result.text, dialogue.text);
    EXPECT_EQ(result.sent, dialogue.sent);
    EXPECT_TRUE(dialogue.kind != Kind::kReady || result.consumed == dialogue.server.size());
  }
}

TEST(StartTlsNames, each_parses_to_what_it_names) {
  std::set<StartTls> seen;
  for (const std::string_view name : starttls_names()) {
    const auto protocol = parse_starttls(name);
    ASSERT_TRUE(protocol) << name;
    EXPECT_EQ(name_of(*protocol), name);
    seen.insert(*protocol);
  }
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_FALSE(seen.contains(StartTls::kNone));
  for (const char* wrong : {"", "none", "SMTP", "smtps", "sm"}) EXPECT_FALSE(parse_starttls(wrong)) << wrong;
}

TEST(StartTls, smtp) {
  const std::string greeting = "220 mail.test ESMTP\r\n";
  const std::string ehlo = "21:EHLO sonde.invalid\r\n|";
  const std::string offer = "250-mail.test\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n";
  const std::string asked = ehlo + "75:STARTTLS\r\n|";
  check({
      {"ready", StartTls::kSmtp, greeting + offer + "220 2.0.0 Ready\r\n", Kind::kReady, "", asked},
      {"offered on the last line", StartTls::kSmtp, greeting + "250-m\r\n250 STARTTLS\r\n220 go\r\n", Kind::kReady, "",
       ehlo + "42:STARTTLS\r\n|"},
      {"the reply is awaited", StartTls::kSmtp, greeting + offer, Kind::kNeed, "", asked},
      {"silence", StartTls::kSmtp, "", Kind::kNeed, "", ""},
      {"turned away", StartTls::kSmtp, "554 no service for you\r\n", Kind::kRefused, "554 no service for you", ""},
      {"EHLO unknown", StartTls::kSmtp, greeting + "502 what?\r\n", Kind::kRefused, "502 what?", ehlo},
      {"not offered", StartTls::kSmtp, greeting + "250-STARTTLS\r\n250 XSTARTTLS\r\n", Kind::kRefused,
       "STARTTLS is not offered", ehlo},
      {"out of order", StartTls::kSmtp, greeting + offer + "454 4.7.0 TLS not available\r\n", Kind::kRefused,
       "454 4.7.0 TLS not available", asked},
      {"injected", StartTls::kSmtp, greeting + offer + "220 go\r\n250 x\r\n", Kind::kError, "bytes behind the go-ahead",
       asked},
      {"an SSH server", StartTls::kSmtp, "SSH-2.0-OpenSSH_9.2p1\r\n", Kind::kError, "an SSH banner", ""},
      {"an IMAP server", StartTls::kSmtp, "* OK ready\r\n", Kind::kError, "an IMAP greeting", ""},
      {"garbage", StartTls::kSmtp, "\xff\xff", Kind::kError, "not a numbered reply", ""},
  });
}

TEST(StartTls, imap) {
  const std::string greeting = "* OK [CAPABILITY IMAP4rev1] hi\r\n";
  const std::string asked = "32:a1 STARTTLS\r\n|";
  check({
      {"ready", StartTls::kImap, greeting + "a1 OK Begin TLS\r\n", Kind::kReady, "", asked},
      {"untagged responses between", StartTls::kImap, greeting + "* CAPABILITY X\r\n* 1 EXISTS\r\na1 ok\r\n",
       Kind::kReady, "", asked},
      {"refused", StartTls::kImap, greeting + "a1 NO not today\r\n", Kind::kRefused, "a1 NO not today", asked},
      {"unknown", StartTls::kImap, greeting + "a1 BAD what\r\n", Kind::kRefused, "a1 BAD what", asked},
      {"bye at once", StartTls::kImap, "* BYE too many\r\n", Kind::kRefused, "* BYE too many", ""},
      {"bye later", StartTls::kImap, greeting + "* BYE going\r\n", Kind::kRefused, "* BYE going", asked},
      {"authenticated already", StartTls::kImap, "* PREAUTH hi\r\n", Kind::kRefused, "* PREAUTH hi", ""},
      {"another tag", StartTls::kImap, greeting + "a2 OK\r\n", Kind::kError, "not an IMAP response", asked},
      {"a tag before any command", StartTls::kImap, "a1 OK\r\n", Kind::kError, "not an IMAP response", ""},
      {"injected", StartTls::kImap, greeting + "a1 OK\r\n* x\r\n", Kind::kError, "bytes behind the go-ahead", asked},
      {"a POP3 server", StartTls::kImap, "+OK hi\r\n", Kind::kError, "a POP3 greeting", ""},
  });
}

TEST(StartTls, pop3_and_ftp) {
  check({
      {"ready", StartTls::kPop3, "+OK hi\r\n+OK go\r\n", Kind::kReady, "", "8:STLS\r\n|"},
      {"refused", StartTls::kPop3, "+OK hi\r\n-ERR no\r\n", Kind::kRefused, "-ERR no", "8:STLS\r\n|"},
      {"turned away", StartTls::kPop3, "-ERR busy\r\n", Kind::kRefused, "-ERR busy", ""},
      {"injected", StartTls::kPop3, "+OK\r\n+OK\r\n+OK\r\n", Kind::kError, "bytes behind the go-ahead", "5:STLS\r\n|"},
      {"a word that begins so", StartTls::kPop3, "+OKAY\r\n", Kind::kError, "not a POP3 response", ""},
      {"ready", StartTls::kFtp, "220-a\r\nb\r\n220 c\r\n234 go\r\n", Kind::kReady, "", "17:AUTH TLS\r\n|"},
      {"ready soon", StartTls::kFtp, "120 in 1 minute\r\n220 c\r\n234 go\r\n", Kind::kReady, "", "24:AUTH TLS\r\n|"},
      {"refused", StartTls::kFtp, "220 c\r\n530 log in\r\n", Kind::kRefused, "530 log in", "7:AUTH TLS\r\n|"},
      {"security data wanted", StartTls::kFtp, "220 c\r\n334 x\r\n", Kind::kRefused, "334 x", "7:AUTH TLS\r\n|"},
      {"injected", StartTls::kFtp, "220 c\r\n234 go\r\n2", Kind::kError, "bytes behind the go-ahead",
       "7:AUTH TLS\r\n|"},
      {"a web server", StartTls::kFtp, "HTTP/1.1 400 Bad Request\r\n", Kind::kError, "an HTTP response", ""},
  });
}

std::string ldap_answer(char id, char code, const std::string& words, bool long_lengths = false) {
  const auto element = [&](char tag, const std::string& content) {
    const auto size = static_cast<char>(content.size());
    return tag + (long_lengths ? "\x84\0\0\0"s : ""s) + size + content;
  };
  return element(
      0x30, element(2, {id}) + element(0x78, element(10, {code}) + element(4, "") + element(4, words) + "\x8a\x01x"s));
}

TEST(StartTls, ldap) {
  const std::string asked =
      "0:\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
      "1.3.6.1.4.1.1466.20037|";
  check({
      {"ready", StartTls::kLdap, ldap_answer(1, 0, ""), Kind::kReady, "", asked},
      {"ready, as Active Directory writes it", StartTls::kLdap, ldap_answer(1, 0, "", true), Kind::kReady, "", asked},
      {"refused with words", StartTls::kLdap, ldap_answer(1, 2, "unsupported"), Kind::kRefused, "unsupported", asked},
      {"refused without", StartTls::kLdap, ldap_answer(1, 52, ""), Kind::kRefused, "unavailable", asked},
      {"a code without a name", StartTls::kLdap, ldap_answer(1, 99, ""), Kind::kRefused, "an LDAP error", asked},
      {"notice of disconnection", StartTls::kLdap, ldap_answer(0, 0, "bye"), Kind::kRefused, "bye", asked},
      {"another message", StartTls::kLdap, ldap_answer(2, 0, ""), Kind::kError, "an LDAP message that nobody asked for",
       asked},
      {"injected", StartTls::kLdap, ldap_answer(1, 0, "") + "0", Kind::kError, "bytes behind the go-ahead", asked},
      {"the indefinite form", StartTls::kLdap, "\x30\x80\x02\x01\x01"s, Kind::kError, "not an LDAP message", asked},
      {"too long", StartTls::kLdap, "\x30\x82\x20\x00"s, Kind::kError, "an LDAP message is too long", asked},
      {"a search result", StartTls::kLdap, "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"s, Kind::kError,
       "not an LDAP extended response", asked},
      {"a TLS server", StartTls::kLdap, "\x15\x03\x01\x00\x02\x02\x0a"s, Kind::kError, "a TLS alert", asked},
  });
}

TEST(StartTls, xmpp) {
  const std::string header = "<?xml version='1.0'?>\n<stream:stream id='>' version=\"1.0\" from='x'>";
  const std::string opened =
      "0:<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' "
      "xmlns:stream='http://etherx.jabber.org/streams'>|";
  const std::string offer =
      "<stream:features><starttls xmlns='t'><required/></starttls><m><n>P</n></m></stream:features>";
  const std::string asked =
      opened + std::to_string(header.size() + offer.size()) + ":<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>|";
  check({
      {"ready", StartTls::kXmpp, header + offer + "<proceed xmlns='t'/>", Kind::kReady, "", asked},
      {"ready, a prefix of its own, an end tag", StartTls::kXmpp, header + offer + "<t:proceed></t:proceed>",
       Kind::kReady, "", asked},
      {"failure", StartTls::kXmpp, header + offer + "<failure/></stream:stream>", Kind::kRefused,
       "the server answered failure", asked},
      {"not offered, though one lies deeper", StartTls::kXmpp,
       header + "<features><a><starttls/></a><![CDATA[<starttls/>]]></features>", Kind::kRefused,
       "STARTTLS is not offered", opened},
      {"no features at all", StartTls::kXmpp, header + "<stream:features/>", Kind::kRefused, "STARTTLS is not offered",
       opened},
      {"an error by its condition", StartTls::kXmpp, header + "<stream:error><host-unknown xmlns='s'/></stream:error>",
       Kind::kRefused, "host-unknown", opened},
      {"an error by its text", StartTls::kXmpp,
       header + "<stream:error><host-gone/><text>gone for good</text></stream:error>", Kind::kRefused, "gone for good",
       opened},
      {"the end", StartTls::kXmpp, header + " </stream:stream>", Kind::kRefused, "the server ended the stream", opened},
      {"Jabber before 1.0", StartTls::kXmpp, "<?xml version='1.0'?><stream:stream id='1' xversion='1.0'>",
       Kind::kRefused, "STARTTLS is not offered: no version in the stream's header", opened},
      {"injected", StartTls::kXmpp, header + offer + "<proceed/>\n", Kind::kError, "bytes behind the go-ahead", asked},
      {"a comment", StartTls::kXmpp, header + "<!-- x -->", Kind::kError, "not an XMPP stream", opened},
      {"no stream", StartTls::kXmpp, "<html></html>", Kind::kError, "not an XMPP stream", opened},
      {"no XML", StartTls::kXmpp, "220 hi", Kind::kError, "not an XML stream", opened},
  });
}

TEST(StartTls, xmpp_leaves_out_a_host_that_could_break_out) {
  for (const std::string& host : {""s, "a'/><x"s, std::string(256, 'a'), "a b"s})
    EXPECT_EQ(play(StartTls::kXmpp, "", host).sent.find("to="), std::string::npos) << host;
  for (const std::string& host : {std::string(255, 'a'), "2001:db8::1"s, "127.0.0.1"s})
    EXPECT_NE(play(StartTls::kXmpp, "", host).sent.find("<stream:stream to='" + host + "' "), std::string::npos)
        << host;
}

TEST(StartTls, postgres) {
  const std::string asked = "0:\0\0\0\x08\x04\xd2\x16\x2f|"s;
  check({
      {"ready", StartTls::kPostgres, "S", Kind::kReady, "", asked},
      {"off", StartTls::kPostgres, "N", Kind::kRefused, "the server has TLS switched off", asked},
      {"an error", StartTls::kPostgres, "E\0\0\0\x1cSFATAL\0C53300\0Mno room\0\0"s, Kind::kRefused, "no room", asked},
      {"an error without words", StartTls::kPostgres, "E\0\0\0\x05\0"s, Kind::kRefused, "an error without words",
       asked},
      {"an old server's error", StartTls::kPostgres, "EFATAL: unsupported\n\0"s, Kind::kRefused, "FATAL: unsupported",
       asked},
      {"injected", StartTls::kPostgres, "SR", Kind::kError, "bytes behind the go-ahead", asked},
      {"an error that is too long", StartTls::kPostgres, "E\0\0\x20\0"s, Kind::kError, "not a PostgreSQL answer",
       asked},
      {"a web server", StartTls::kPostgres, "HTTP/1.1 400", Kind::kError, "an HTTP response", asked},
      {"garbage", StartTls::kPostgres, "x", Kind::kError, "not a PostgreSQL answer", asked},
  });
}

std::string mysql_packet(const std::string& payload, char sequence = 0) {
  return std::string({static_cast<char>(payload.size()), 0, 0, sequence}) + payload;
}
std::string mysql_greeting(const std::string& capabilities) {
  return mysql_packet(
      "\x0a"
      "8.0.36\0"
      "\1\0\0\0"
      "12345678\0"s +
      capabilities + "\x21\2\0\xff\xc1\x15"s + std::string(10, '\0'));
}

TEST(StartTls, mysql) {
  const std::string modern = mysql_greeting("\xff\xff"s);
  const std::string asked =
      std::to_string(modern.size()) + ":\x20\0\0\1\x05\xaa\x08\0\0\0\0\1\x21"s + std::string(23, '\0') + "|";
  const std::string before_41 = mysql_greeting("\0\x08"s);
  check({
      {"ready", StartTls::kMysql, modern, Kind::kReady, "", asked},
      {"ready before 4.1", StartTls::kMysql, before_41, Kind::kReady, "",
       std::to_string(before_41.size()) + ":\5\0\0\1\x05\x28\xff\xff\xff|"s},
      {"not offered", StartTls::kMysql, mysql_greeting("\xff\xf7"s), Kind::kRefused, "TLS is not offered", ""},
      {"protocol 9", StartTls::kMysql,
       mysql_packet("\x09"
                    "3.20\0\1\0\0\0"
                    "12345678\0"s),
       Kind::kRefused, "TLS is not offered", ""},
      {"not allowed", StartTls::kMysql, mysql_packet("\xff\x6a\4Host 'x' is not allowed"), Kind::kRefused,
       "Host 'x' is not allowed", ""},
      {"an error with a state", StartTls::kMysql, mysql_packet("\xff\x10\4#08004Too many"), Kind::kRefused, "Too many",
       ""},
      {"injected", StartTls::kMysql, modern + "x", Kind::kError, "bytes behind the go-ahead", asked},
      {"another sequence number", StartTls::kMysql, mysql_packet("\xff\x6a\4x", 1), Kind::kError,
       "not a MySQL greeting", ""},
      {"an unknown protocol", StartTls::kMysql, mysql_packet("\x0b\x08\x05\x1a\0"s), Kind::kError,
       "not a MySQL greeting", ""},
      {"too long", StartTls::kMysql, "\0\x10\0\0"s, Kind::kError, "not a MySQL greeting", ""},
      {"an SSH server", StartTls::kMysql, "SSH-2.0-x\r\n", Kind::kError, "an SSH banner", ""},
  });
}

TEST(StartTls, every_frame_and_the_whole_have_a_bound) {
  EXPECT_EQ(play(StartTls::kSmtp, "220-" + std::string(9000, 'a')).text, "a reply is too long");
  EXPECT_EQ(play(StartTls::kImap, "* OK " + std::string(9000, 'a')).text, "a line is too long");
  EXPECT_EQ(play(StartTls::kXmpp, "<stream version='1.0'><features>" + std::string(9000, 'a')).text,
            "an XMPP element is too long");
  EXPECT_EQ(play(StartTls::kXmpp, std::string(9000, ' ')).text, "an XMPP element is too long");
  std::string chatter = "* OK hi\r\n";
  while (chatter.size() <= StartTlsDialogue::kLimitBytes) chatter += "* 1 EXISTS\r\n";
  EXPECT_EQ(play(StartTls::kImap, chatter).text, "the dialogue is too long");
  EXPECT_EQ(play(StartTls::kImap, chatter).kind, Kind::kError);
}

TEST(StartTls, words_of_the_peer_are_cut) {
  const StartTlsPlay result = play(StartTls::kPop3, "-ERR " + std::string(1000, 'a') + "\r\n");
  EXPECT_EQ(result.kind, Kind::kRefused);
  EXPECT_EQ(result.text, "-ERR " + std::string(StartTlsDialogue::kTextBytes - 5, 'a'));
}

TEST(StartTls, a_farewell_is_in_the_protocol) {
  EXPECT_EQ(StartTlsDialogue(StartTls::kSmtp).farewell(), "QUIT\r\n");
  EXPECT_EQ(StartTlsDialogue(StartTls::kImap).farewell(), "a2 LOGOUT\r\n");
  EXPECT_EQ(StartTlsDialogue(StartTls::kLdap).farewell(), "\x30\x05\x02\x01\x02\x42\0"s);
  EXPECT_EQ(StartTlsDialogue(StartTls::kMysql).farewell(), "");
}

// Every mutation of a byte and every truncation of an answer: any verdict, but the same however it is cut.
TEST(StartTls, a_broken_answer_gets_one_verdict) {
  const std::vector<std::pair<StartTls, std::string>> answers = {
      {StartTls::kSmtp, "220 m\r\n250-m\r\n250 STARTTLS\r\n220 go\r\n"},
      {StartTls::kLdap, ldap_answer(1, 2, "words", true)},
      {StartTls::kXmpp, "<stream version='1.0'><features><starttls/></features><proceed/>"},
      {StartTls::kPostgres, "E\0\0\0\x10SFATAL\0Mno\0\0"s},
      {StartTls::kMysql, mysql_greeting("\xff\xff"s)},
  };
  for (const auto& [protocol, answer] : answers) {
    for (std::size_t at = 0; at < answer.size(); ++at) {
      play(protocol, answer.substr(0, at));
      for (const char byte : {'\0', '<', '>', '\n', '\x7f', '\xff'}) {
        std::string broken = answer;
        broken[at] = byte;
        play(protocol, broken);
      }
    }
  }
}

TEST(Frames, of_ldap_postgres_mysql_and_xmpp_stand_any_cut) {
  const auto any = [](const auto&, const auto&) { return true; };
  check_cut_anywhere(LdapProcessor(), as_bytes(ldap_answer(1, 2, "words", true) + ldap_answer(1, 0, "")), any);
  check_cut_anywhere(PostgresAnswerProcessor(), as_bytes("NE\0\0\0\x1cSFATAL\0C53300\0Mno room\0\0Eold\0S"s), any);
  check_cut_anywhere(MysqlGreetingProcessor(), as_bytes(mysql_greeting("\xff\xff"s) + mysql_packet("\xff\x6a\4x")),
                     any);
  check_cut_anywhere(XmppProcessor(), as_bytes("<?xml?><s:stream a='>'> <a><b/><![CDATA[<]]></a><c/></s:stream>"), any);
  const auto parsed = XmppProcessor().parse(as_bytes(" <x:a><b>c</b><d/></x:a>rest"));
  ASSERT_EQ(parsed.kind, ParseResult<XmppFrame>::Kind::kFrame);
  EXPECT_EQ(parsed.frame.name, "a");
  EXPECT_EQ(parsed.frame.text, "<x:a><b>c</b><d/></x:a>");
  EXPECT_EQ(xmpp_child(parsed.frame)->content, "c");
  EXPECT_EQ(xmpp_child(parsed.frame, "d")->content, "");
  EXPECT_FALSE(xmpp_child(parsed.frame, "e"));
}

}  // namespace
}  // namespace sonde::wire
