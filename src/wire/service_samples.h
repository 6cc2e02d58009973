// What real services say first, byte for byte as far as it matters here, for tests.
#pragma once

#include <string>
#include <string_view>

namespace sonde::wire::samples {

using namespace std::string_literals;
using namespace std::string_view_literals;

// A big-endian number of `size` bytes.
inline std::string big(std::size_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}
inline std::string little(std::size_t value, std::size_t size) {
  std::string bytes = big(value, size);
  return {bytes.rbegin(), bytes.rend()};
}
// `body` behind its length.
inline std::string vec(std::size_t size, std::string_view body) { return big(body.size(), size) + std::string(body); }

// --- SSH ---
// A KEXINIT of ten lists, each "kex", "host" … as given.
inline std::string kexinit(const std::string_view (&lists)[10]) {
  std::string payload = "\x14" + std::string(16, 'c');
  for (const std::string_view list : lists) payload += vec(4, list);
  payload += std::string(5, '\0');
  return vec(4, "\x06" + payload + std::string(6, '\0'));
}
inline std::string some_kexinit() {
  return kexinit({"curve25519-sha256,kex-strict-s-v00@openssh.com", "ssh-ed25519,rsa-sha2-512", "aes128-ctr,aes256-ctr",
                  "aes128-ctr,aes256-ctr", "hmac-sha2-256", "hmac-sha2-512", "none", "none", "", ""});
}

// --- MySQL ---
inline std::string mysql_packet(std::string_view payload) {
  return little(payload.size(), 3) + '\0' + std::string(payload);
}
inline std::string mysql(std::string_view version) {
  // Thread id, scramble, a zero, capabilities, and what comes behind them.
  return mysql_packet("\x0a" + std::string(version) + '\0' + "\x2a\0\0\0"s + "saltsalt" + '\0' + "\xff\xf7"s +
                      std::string(40, '\0'));
}
inline std::string mysql_error(std::string_view text) { return mysql_packet("\xff\x6a\x04" + std::string(text)); }

// --- PostgreSQL ---
inline std::string postgres_error() {
  const std::string fields =
      "SFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol 255.0: server supports 3.0 to 3.0\0\0"s;
  return "E" + big(fields.size() + 4, 4) + fields;
}

// --- AMQP ---
inline std::string amqp_start() {
  const auto text = [](std::string_view name, std::string_view value) { return vec(1, name) + "S" + vec(4, value); };
  const std::string capabilities = vec(1, "publisher_confirms") + "t\1";
  const std::string properties =
      vec(1, "capabilities") + "F" + vec(4, capabilities) + text("product", "RabbitMQ") + text("version", "3.10.8");
  const std::string method = "\0\x0a\0\x0a\0\x09"s + vec(4, properties) + vec(4, "PLAIN") + vec(4, "en_US");
  return "\1\0\0"s + vec(4, method) + "\xce";
}

// --- the small ones ---
inline const std::string kConnack = "\x20\x02\0\x05"s;
inline const std::string kRdpConfirm = "\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"s;
inline const std::string kVnc = "RFB 003.008\n";
inline const std::string kRedisInfo = "$51\r\n# Server\r\nredis_version:7.0.15\r\nredis_git_dirty:0\r\n\r\n";
inline const std::string kMemcached = "VERSION 1.6.18\r\n";
inline const std::string kSip =
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP sonde.invalid\r\nserver: Asterisk PBX 20.1.0\r\nContent-Length: 0\r\n\r\n";
inline const std::string kTelnet = "\xff\xfd\x18\xff\xfd\x20login: ";

// --- MongoDB ---
inline std::string bson(std::string_view elements) {
  return little(elements.size() + 5, 4) + std::string(elements) + '\0';
}
inline std::string mongo_reply(std::string_view document, bool message = false) {
  const std::string fields = message ? std::string(5, '\0') : std::string(16, '\0') + "\1\0\0\0"s;
  const std::string body = fields + std::string(document);
  return little(body.size() + 16, 4) + little(7, 4) + little(0x5de0abe1, 4) + little(message ? 2013 : 1, 4) + body;
}
inline std::string mongo_hello() {
  const std::string inner = bson("\x10setVersion\0\1\0\0\0"s);
  return bson("\x08ismaster\0\1"s + "\x03topologyVersion\0"s + inner + "\x10maxWireVersion\0\x15\0\0\0"s +
              "\x01ok\0\0\0\0\0\0\0\xf0\x3f"s);
}

// --- LDAP ---
inline std::string ber(char tag, std::string_view content) { return tag + vec(1, content); }
inline std::string ldap_root_dse() {
  const auto attribute = [](std::string_view name, std::string_view value) {
    return ber(0x30, ber(0x04, name) + ber(0x31, ber(0x04, value)));
  };
  return ber(0x30, "\x02\1\1"s + ber(0x64, ber(0x04, "") + ber(0x30, attribute("vendorName", "389 Project") +
                                                                         attribute("vendorVersion", "389/2.3.1"))));
}

// --- DNS ---
inline std::string dns_version() {
  const std::string name = vec(1, "version") + vec(1, "bind") + '\0';
  const std::string answer = "\xc0\x0c\0\x10\0\x03\0\0\0\0"s + vec(2, vec(1, "9.18.24"));
  return vec(2, "\xd5\xe9\x84\0\0\1\0\1\0\0\0\0"s + name + "\0\x10\0\x03"s + answer);
}

// --- TLS ---
inline std::string tls_server_hello(std::string_view extensions = "\0\x2b\0\2\3\4"sv) {
  const std::string body = "\3\3" + std::string(32, 'r') + "\0\x13\x01\0"s + vec(2, extensions);
  return "\x16\3\3" + vec(2, "\2" + vec(3, body));
}
inline const std::string kTlsAlert = "\x15\3\1\0\2\2\x28"s;

}  // namespace sonde::wire::samples
