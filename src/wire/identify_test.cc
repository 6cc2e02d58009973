#include "wire/identify.h"

#include <gtest/gtest.h>

#include "wire/line.h"
#include "wire/service_samples.h"

namespace sonde::wire {
namespace {

Identified identified(std::string_view text, std::uint16_t port = 4711) { return identify(as_bytes(text), port); }

TEST(Identify, a_whole_frame_is_named_and_measured) {
  const Identified ssh = identified("SSH-2.0-OpenSSH_9.2p1 Debian\r\nrest");
  EXPECT_EQ(ssh.protocol, "ssh");
  EXPECT_EQ(ssh.whole, 30U);
  EXPECT_FALSE(ssh.begun);
  EXPECT_EQ(ssh.product, "OpenSSH_9.2p1");
  EXPECT_EQ(ssh.version, "");
}

TEST(Identify, half_a_frame_is_named_where_its_beginning_tells) {
  const Identified http = identified("HTTP/1.1 200 OK\r\nServer: x\r\n");
  EXPECT_EQ(http.protocol, "http");
  EXPECT_EQ(http.whole, 0U);
  EXPECT_TRUE(http.begun);
  EXPECT_EQ(identified("220 mail.exa", 25).protocol, "unknown");
}

TEST(Identify, what_is_of_no_protocol_is_unknown) {
  for (const std::string_view text :
       {"\x01\x02", "hello\n", "E", "hi", "$", "$12", "$ ready\n", "$5\r\nhello\r\n", "$-1\r\n"}) {
    const Identified nothing = identified(text);
    EXPECT_EQ(nothing.protocol, "unknown") << text;
    EXPECT_EQ(nothing.whole, 0U);
    EXPECT_FALSE(nothing.begun);
  }
}

struct Sample {
  std::string text;
  std::string_view protocol, product, version, answer;
};

std::vector<Sample> service_samples() {
  using namespace samples;
  return {
      {mysql("5.5.5-10.11.6-MariaDB-0+deb12u1"), "mysql", "MariaDB", "10.11.6-MariaDB-0+deb12u1", ""},
      {mysql("8.0.36"), "mysql", "", "8.0.36", ""},
      {mysql_error("Host 'x' is not allowed"), "mysql", "", "", ""},
      {postgres_error(), "postgres", "", "", ""},
      {amqp_start(), "amqp", "RabbitMQ", "3.10.8", "start"},
      {"AMQP\0\1\0\0"s, "amqp", "", "", "other_version"},
      {kConnack, "mqtt", "", "", "not_authorized"},
      {kRdpConfirm, "rdp", "", "", "credssp"},
      {kVnc, "vnc", "", "003.008", ""},
      {kMemcached, "memcached", "", "1.6.18", ""},
      {kSip, "sip", "Asterisk PBX 20.1.0", "", ""},
      {mongo_reply(mongo_hello()), "mongodb", "", "7.0", ""},
      {ldap_root_dse(), "ldap", "389 Project", "389/2.3.1", ""},
      {dns_version(), "dns", "", "9.18.24", ""},
      {tls_server_hello(), "tls", "", "TLS1.3", ""},
      {kTlsAlert, "tls", "", "", "alert"},
      {"+PONG\r\n", "redis", "", "", ""},
      {kRedisInfo, "redis", "redis", "7.0.15", ""},
      {"$63\r\n# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1\r\nos:Linux\r\n\r\n", "redis", "valkey", "8.0.1",
       ""},
      {"$24\r\n# Server\r\nos:Linux 6.1\r\n\r\n", "redis", "", "", ""},
      {"-NOAUTH Authentication required.\r\n", "redis", "", "", ""},
      {"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", "http", "x", "", ""},
      {"+OK Dovecot ready.\r\n", "pop3", "Dovecot", "", ""},
      {"220 (vsFTPd 3.0.3)\r\n", "ftp", "vsFTPd 3.0.3", "", ""},
  };
}

TEST(Identify, every_service_is_named_by_its_own_bytes_on_any_port) {
  for (const Sample& sample : service_samples()) {
    const Identified found = identified(sample.text);
    EXPECT_EQ(found.protocol, sample.protocol) << sample.text;
    EXPECT_EQ(found.whole, sample.text.size()) << sample.protocol;
    EXPECT_EQ(found.product, sample.product) << sample.protocol;
    EXPECT_EQ(found.version, sample.version) << sample.protocol;
    EXPECT_EQ(found.answer, sample.answer) << sample.protocol;
  }
}

TEST(Identify, once_a_part_is_whole_the_rest_changes_nothing) {
  for (const Sample& sample : service_samples()) {
    const std::string text = sample.text + "and more";
    const Identified whole = identified(text);
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const Identified part = identified(std::string_view(text).substr(0, size));
      ASSERT_EQ(part.whole, size < sample.text.size() ? 0U : whole.whole) << sample.protocol << " " << size;
      ASSERT_TRUE(part.protocol == whole.protocol || !part.named()) << sample.protocol << " " << size;
      ASSERT_EQ(part.product, part.whole > 0 ? whole.product : part.product);
    }
  }
}

TEST(Identify, telnet_has_a_name_and_no_end) {
  const Identified found = identified(samples::kTelnet);
  EXPECT_EQ(found.protocol, "telnet");
  EXPECT_EQ(found.whole, 0U);
  EXPECT_FALSE(found.begun);
}

}  // namespace
}  // namespace sonde::wire
