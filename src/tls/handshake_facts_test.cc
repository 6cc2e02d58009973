#include "tls/handshake_facts.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::tls {
namespace {

std::string number(std::size_t value, std::size_t width) {
  std::string text;
  while (width-- > 0) text += static_cast<char>(value >> (8 * width) & 0xff);
  return text;
}
std::string vector(const std::string& content, std::size_t width) { return number(content.size(), width) + content; }
std::string message(int type, const std::string& body) { return static_cast<char>(type) + vector(body, 3); }
std::string extension(std::size_t type, const std::string& data) { return number(type, 2) + vector(data, 2); }
std::string server_hello(const std::string& random, const std::string& extensions) {
  return message(2, number(0x0303, 2) + random + vector("id", 1) + number(0x1302, 2) + number(0, 1) +
                        (extensions.empty() ? "" : vector(extensions, 2)));
}
std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text(std::span<const std::byte> found) {
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

const std::string kRandom(32, 'r');
const std::string kRetryRandom =
    "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2"
    "\xc8\xa8\x33\x9c";

TEST(HandshakeFacts, a_retry_and_then_a_hello_give_the_facts_of_the_hello) {
  HandshakeFacts facts;
  facts.on_message(bytes(server_hello(kRetryRandom, extension(51, number(0x18, 2)) + extension(44, "cookie"))));
  EXPECT_TRUE(facts.hello_retry());
  EXPECT_EQ(facts.extensions().size(), 2U);
  facts.on_message(bytes(
      server_hello(kRandom, extension(43, number(0x0304, 2)) + extension(51, number(0x18, 2) + vector("share", 2)))));
  EXPECT_TRUE(facts.hello_retry());
  EXPECT_EQ(facts.version(), 0x0304);
  EXPECT_EQ(facts.legacy_version(), 0x0303);
  EXPECT_EQ(facts.cipher(), 0x1302);
  EXPECT_EQ(facts.hello_group(), 0x0018);
  EXPECT_EQ(std::vector(facts.extensions().begin(), facts.extensions().end()), (std::vector<std::uint16_t>{43, 51}));
}

TEST(HandshakeFacts, a_hello_without_extensions_is_one) {
  HandshakeFacts facts;
  facts.on_message(bytes(server_hello(kRandom, "")));
  EXPECT_TRUE(facts.server_hello());
  EXPECT_EQ(facts.version(), 0x0303);
  EXPECT_EQ(facts.hello_group(), 0);
  EXPECT_TRUE(facts.extensions().empty());
}

TEST(HandshakeFacts, of_a_hello_with_broken_extensions_what_stands_before_the_fault_is_kept) {
  const std::string version = extension(43, number(0x0304, 2));
  for (const std::string& fault : {number(51, 2) + number(9, 2), std::string("x")}) {
    HandshakeFacts facts;
    facts.on_message(bytes(server_hello(kRandom, version + fault)));
    EXPECT_TRUE(facts.server_hello());
    EXPECT_EQ(facts.cipher(), 0x1302);
    EXPECT_EQ(facts.version(), 0x0304);
    EXPECT_EQ(facts.hello_group(), 0);
    EXPECT_EQ(facts.extensions().size(), 1U);
  }
}

// "Not asked for" is known only when it cannot come any more.
TEST(HandshakeFacts, all_is_told_with_the_certificate_of_1_3_and_with_server_hello_done_before) {
  const std::string certificate = vector(vector("der", 3), 3);
  HandshakeFacts tls12;
  tls12.on_message(bytes(server_hello(kRandom, "")));
  tls12.on_message(bytes(message(11, certificate)));
  EXPECT_FALSE(tls12.all_told());
  tls12.on_message(bytes(message(14, "")));
  EXPECT_TRUE(tls12.all_told());
  HandshakeFacts tls13;
  tls13.on_message(bytes(server_hello(kRandom, extension(43, number(0x0304, 2)))));
  EXPECT_FALSE(tls13.all_told());
  tls13.on_message(bytes(message(11, vector("", 1) + certificate)));
  EXPECT_TRUE(tls13.all_told());
}

TEST(HandshakeFacts, a_tls13_certificate_carries_staple_and_scts_of_the_leaf) {
  HandshakeFacts facts;
  facts.on_message(bytes(server_hello(kRandom, extension(43, number(0x0304, 2)))));
  const std::string leaf =
      vector("leaf", 3) + vector(extension(5, number(1, 1) + vector("ocsp", 3)) + extension(18, "scts"), 2);
  const std::string issuer = vector("issuer", 3) + vector(extension(18, "others"), 2);
  facts.on_message(bytes(message(11, vector("", 1) + vector(leaf + issuer, 3))));
  ASSERT_EQ(facts.chain().size(), 2U);
  EXPECT_EQ(text(facts.chain()[0]), "leaf");
  EXPECT_EQ(text(facts.chain()[1]), "issuer");
  EXPECT_EQ(text(facts.stapled_ocsp()), "ocsp");
  EXPECT_EQ(text(facts.scts()), "scts");
}

TEST(HandshakeFacts, tls12_has_them_in_messages_of_their_own) {
  HandshakeFacts facts;
  facts.on_message(bytes(server_hello(kRandom, extension(18, "scts"))));
  facts.on_message(bytes(message(11, vector(vector("leaf", 3) + vector("issuer", 3), 3))));
  facts.on_message(bytes(message(22, number(1, 1) + vector("ocsp", 3))));
  facts.on_message(bytes(message(12, number(3, 1) + number(0x1d, 2) + vector("point", 1))));
  facts.on_message(bytes(message(13, "")));
  EXPECT_EQ(text(facts.chain().at(1)), "issuer");
  EXPECT_EQ(text(facts.scts()), "scts");
  EXPECT_EQ(text(facts.stapled_ocsp()), "ocsp");
  EXPECT_EQ(facts.exchange_group(), 0x001d);
  EXPECT_TRUE(facts.client_cert_requested());
}

TEST(HandshakeFacts, of_a_message_cut_anywhere_are_a_part_of_those_of_the_whole) {
  const std::string hello = server_hello(kRandom, extension(43, number(0x0304, 2)) + extension(51, number(0x1d, 2)));
  for (std::size_t cut = 0; cut < hello.size(); ++cut) {
    HandshakeFacts facts;
    facts.on_message(bytes(hello).first(cut));
    EXPECT_FALSE(facts.server_hello()) << cut;
  }
  const std::string body = vector(vector("leaf", 3) + vector("issuer", 3), 3);
  for (std::size_t cut = 0; cut < body.size(); ++cut) {  // the message is whole, its content ends early
    HandshakeFacts facts;
    facts.on_message(bytes(server_hello(kRandom, "")));
    facts.on_message(bytes(message(11, body.substr(0, cut))));
    EXPECT_TRUE(facts.chain().empty()) << "a list that is shorter than it says has nothing in it";
  }
}

}  // namespace
}  // namespace sonde::tls
