// The tables of names: sorted, without doubles, and what OpenSSL says of every suite that it knows.
#include "wire/tls_names.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

namespace sonde::wire {
namespace {

TEST(TlsNames, have_no_number_and_no_name_twice) {
  for (const auto table : {tls_ciphers(), tls_groups()}) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < table.size(); ++i) {
      EXPECT_TRUE(names.insert(table[i].name).second) << table[i].name;
      EXPECT_TRUE(i == 0 || table[i - 1].number < table[i].number) << table[i].name;
    }
  }
  EXPECT_GT(tls_ciphers().size(), 340U);
}

TEST(TlsNames, of_ciphers_are_openssls) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  ASSERT_EQ(SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL"), 1);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  int known = 0;
  // Every number is asked, not only those of a list: a name that our table lacks is seen.
  for (unsigned number = 0; number < 0x10000; ++number) {
    const unsigned char bytes[2] = {static_cast<unsigned char>(number >> 8), static_cast<unsigned char>(number)};
    const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl.get(), bytes);
    if (cipher == nullptr || is_tls_signal(static_cast<std::uint16_t>(number))) continue;
    if (SSL_CIPHER_standard_name(cipher) == nullptr) continue;  // private numbers, which no registry names
    ++known;
    EXPECT_EQ(tls_cipher_name(static_cast<std::uint16_t>(number)), SSL_CIPHER_standard_name(cipher)) << number;
  }
  EXPECT_GT(known, 100);
}

TEST(TlsNames, of_the_unknown_are_numbers) {
  EXPECT_EQ(tls_cipher_name(0x1a2b), "0x1a2b");
  EXPECT_EQ(known_tls_cipher(0x1a2b), "");
  EXPECT_EQ(tls_group_name(0x0a0a), "0x0a0a");
  EXPECT_EQ(tls_group_name(4588), "x25519mlkem768");
  EXPECT_EQ(tls_alert_name(123), "alert_123");
  EXPECT_EQ(tls_alert_name(40), "handshake_failure");
  EXPECT_EQ(tls_alert_name(255), "alert_255");
  EXPECT_EQ(tls_version_name(0x0305), "");
}

TEST(TlsNames, of_versions_are_read_as_users_write_them) {
  for (const std::uint16_t version : {kSsl3, kTls10, kTls11, kTls12, kTls13})
    EXPECT_EQ(parse_tls_version(tls_version_name(version)), version);
  for (const char* text : {"1.2", "tls1.2", "TLS1.2", "Tls1.2"}) EXPECT_EQ(parse_tls_version(text), kTls12) << text;
  EXPECT_EQ(parse_tls_version("ssl3"), kSsl3);
  for (const char* text : {"", "1", "1.4", "TLS", "TLS1.2 ", "2"}) EXPECT_FALSE(parse_tls_version(text)) << text;
}

TEST(TlsNames, tell_suites_of_tls13_and_signals) {
  for (const TlsName& cipher : tls_ciphers()) {
    EXPECT_EQ(is_tls_signal(cipher.number), cipher.name.ends_with("SCSV")) << cipher.name;
    // Before TLS 1.3 a suite says how keys are exchanged: …_WITH_….
    EXPECT_FALSE(is_tls13_cipher(cipher.number) && cipher.name.find("_WITH_") != std::string_view::npos) << cipher.name;
  }
}

}  // namespace
}  // namespace sonde::wire
