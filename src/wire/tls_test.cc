// The records and messages of TLS: the traces of RFC 8448, and every form that lies.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/cut_anywhere.h"
#include "wire/line.h"
#include "wire/tls_bytes.h"
#include "wire/tls_message.h"
#include "wire/tls_names.h"
#include "wire/tls_record.h"

namespace sonde::wire {
namespace {

using RecordKind = ParseResult<TlsRecord>::Kind;
using MessageKind = ParseResult<TlsMessage>::Kind;

bool same_record(const TlsRecord& a, const TlsRecord& b) {
  return a.type == b.type && a.version == b.version && as_text(a.header) == as_text(b.header) &&
         as_text(a.fragment) == as_text(b.fragment);
}
bool same_message(const TlsMessage& a, const TlsMessage& b) {
  return a.type == b.type && as_text(a.body) == as_text(b.body) && as_text(a.whole) == as_text(b.whole);
}
auto record_of(const TlsBytes& bytes) {
  check_cut_anywhere(TlsRecordProcessor(), bytes, same_record);
  return TlsRecordProcessor().parse(bytes);
}
auto message_of(const TlsBytes& bytes, std::size_t limit = 65536) {
  check_cut_anywhere(TlsMessageProcessor(limit), bytes, same_message);
  return TlsMessageProcessor(limit).parse(bytes);
}

// RFC 8448, 3: the record of the server's ServerHello.
const TlsBytes kServerHello1Rtt = hex(
    "16 03 03 00 5a 02 00 00 56 03 03 a6 af 06 a4 12 18 60 dc 5e 6e 60 24 9c d3 4c 95 93 0c 8a c5 cb 14 34 da c1 55 77"
    "2e d3 e2 69 28 00 13 01 00 00 2e 00 33 00 24 00 1d 00 20 c9 82 88 76 11 20 95 fe 66 76 2b db f7 c6 72 e1 56 d6 cc"
    "25 3b 83 3d f1 dd 69 b1 b0 4e 75 1f 0f 00 2b 00 02 03 04");
// RFC 8448, 5: the HelloRetryRequest message; it asks for secp256r1 and sends a cookie.
const TlsBytes kHelloRetry = hex(
    "02 00 00 ac 03 03 cf 21 ad 74 e5 9a 61 11 be 1d 8c 02 1e 65 b8 91 c2 a2 11 16 7a bb 8c 5e 07 9e 09 e2 c8 a8 33 9c"
    "00 13 01 00 00 84 00 33 00 02 00 17 00 2c 00 74 00 72 71 dc d0 4b b8 8b c3 18 91 19 39 8a 00 00 00 00 ee fa fc 76"
    "c1 46 b8 23 b0 96 f8 aa ca d3 65 dd 00 30 95 3f 4e df 62 56 36 e5 f2 1b b2 e2 3f cc 65 4b 1b 5b 40 31 8d 10 d1 37"
    "ab cb b8 75 74 e3 6e 8a 1f 02 5f 7d fa 5d 6e 50 78 1b 5e da 4a a1 5b 0c 8b e7 78 25 7d 16 aa 30 30 e9 e7 84 1d d9"
    "e4 c0 34 22 67 e8 ca 0c af 57 1f b2 b7 cf f0 f9 34 b0 00 2b 00 02 03 04");

TEST(TlsRecord, is_cut_out_with_its_header) {
  const TlsBytes two = kServerHello1Rtt + hex("14 03 03 00 01 01");
  const auto first = record_of(two);
  ASSERT_EQ(first.kind, RecordKind::kFrame);
  EXPECT_EQ(first.frame.type, TlsContent::kHandshake);
  EXPECT_EQ(first.frame.version, kTls12);
  EXPECT_EQ(first.frame.header.size(), 5U);
  EXPECT_EQ(first.frame.fragment.size(), 90U);
  EXPECT_EQ(first.consumed, 95U);
}

TEST(TlsRecord, says_at_the_first_wrong_byte_that_it_is_none) {
  for (const char* wrong : {"H", "SSH-2.0-x", "\x13\x03\x03", "\x18\x03\x03", "\x16\x02", "\x16\x04",
                            "\x16"
                            "P/1"})
    EXPECT_EQ(record_of(text(wrong)).kind, RecordKind::kError) << wrong;
}

TEST(TlsRecord, may_be_as_long_as_an_encrypted_one_of_tls12_and_no_longer) {
  const std::size_t longest = TlsRecordProcessor::kLongest;
  const TlsBytes long_one = hex("17 03 03") + vec(2, zeros(longest));
  const auto fits = record_of(long_one);
  EXPECT_EQ(fits.kind, RecordKind::kFrame);
  EXPECT_EQ(fits.consumed, longest + 5);
  EXPECT_STREQ(record_of(hex("17 03 03") + u16(longest + 1)).error, TlsRecordProcessor::kTooLong);
  EXPECT_STREQ(record_of(hex("17 03 03 ff ff")).error, TlsRecordProcessor::kTooLong);
  EXPECT_EQ(record_of(hex("15 03 03 00 00")).frame.fragment.size(), 0U) << "an empty one is one";
}

TEST(TlsMessage, is_bounded_by_its_header) {
  EXPECT_EQ(message_of(hex("0b ff ff ff")).kind, MessageKind::kError) << "16 MB";
  EXPECT_EQ(message_of(hex("0b 01 00 01")).kind, MessageKind::kError);
  EXPECT_EQ(TlsMessageProcessor(65536).parse(hex("0b 01 00 00")).need, 65536U);
  const TlsBytes two = hex("0e 00 00 00 14 00 00 01 aa");
  const auto done = message_of(two);
  ASSERT_EQ(done.kind, MessageKind::kFrame);
  EXPECT_EQ(done.frame.type, TlsMessageType::kServerHelloDone);
  EXPECT_TRUE(done.frame.body.empty());
  EXPECT_EQ(done.frame.whole.size(), 4U);
}

TEST(TlsServerHello, of_rfc8448_simple_handshake) {
  const TlsBytes bytes(kServerHello1Rtt.begin() + 5, kServerHello1Rtt.end());
  const auto message = message_of(bytes);
  ASSERT_EQ(message.kind, MessageKind::kFrame);
  const auto hello = read_server_hello(message.frame.body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->legacy_version, kTls12);
  EXPECT_EQ(hello->version(), kTls13);
  EXPECT_EQ(hello->cipher, 0x1301);
  EXPECT_TRUE(hello->session_id.empty());
  EXPECT_FALSE(hello->is_hello_retry());
  EXPECT_FALSE(hello->has_downgrade_sentinel());
  EXPECT_EQ(hello->group(), kX25519);
  EXPECT_EQ(as_text(hello->key_share()),
            as_text(hex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f")));
  EXPECT_FALSE(hello->cookie());
  std::vector<std::uint16_t> order;
  hello->extensions.for_each([&](const TlsExtension& extension) { order.push_back(extension.type); });
  EXPECT_EQ(order, (std::vector<std::uint16_t>{kExtKeyShare, kExtSupportedVersions}));
}

TEST(TlsServerHello, of_rfc8448_hello_retry) {
  const auto message = message_of(kHelloRetry);
  ASSERT_EQ(message.kind, MessageKind::kFrame);
  const auto hello = read_server_hello(message.frame.body);
  ASSERT_TRUE(hello);
  EXPECT_TRUE(hello->is_hello_retry());
  EXPECT_EQ(hello->group(), kSecp256r1);
  EXPECT_TRUE(hello->key_share().empty()) << "a retry names a group and has no share";
  ASSERT_TRUE(hello->cookie());
  EXPECT_EQ(hello->cookie()->size(), 0x72U);
}

TlsBytes server_hello(const TlsBytes& session_id, const TlsBytes& tail) {
  return u16(kTls12) + zeros(32) + session_id + u16(0xc02f) + u8(0) + tail;
}

TEST(TlsServerHello, without_extensions_is_one) {
  const TlsBytes body = server_hello(vec(1, zeros(32)), {});
  const auto hello = read_server_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->version(), kTls12);
  EXPECT_EQ(hello->session_id.size(), 32U);
  EXPECT_FALSE(hello->group());
}

TEST(TlsServerHello, tells_a_downgrade_by_its_last_eight_bytes) {
  for (const auto& [tail, is_sentinel] : {std::pair("444f574e47524401", true), std::pair("444f574e47524400", true),
                                          std::pair("444f574e47524402", false), std::pair("0000000000000000", false)}) {
    const TlsBytes body = u16(kTls12) + zeros(24) + hex(tail) + hex("00 c02f 00");
    EXPECT_EQ(read_server_hello(body)->has_downgrade_sentinel(), is_sentinel) << tail;
  }
  EXPECT_FALSE(TlsServerHello().has_downgrade_sentinel()) << "one that was never read has none";
  EXPECT_FALSE(TlsServerHello().is_hello_retry());
}

TEST(TlsServerHello, whose_lengths_lie_is_none) {
  const TlsBytes good_extension = extension(kExtRenegotiationInfo, u8(0));
  struct Case {
    const char* what;
    TlsBytes body;
  };
  const Case cases[] = {
      {"empty", {}},
      {"cut in the random", u16(kTls12) + zeros(31)},
      {"session id of 33", server_hello(vec(1, zeros(33)), {})},
      {"session id beyond the end", u16(kTls12) + zeros(32) + u8(255) + u16(0xc02f) + u8(0)},
      {"no compression", u16(kTls12) + zeros(32) + u8(0) + u16(0xc02f)},
      {"half a length", server_hello(u8(0), u8(0))},
      {"extensions too long", server_hello(u8(0), vec(2, good_extension, 1))},
      {"extensions too short", server_hello(u8(0), vec(2, good_extension, -1))},
      {"extensions 0xffff", server_hello(u8(0), u16(0xffff) + good_extension)},
      {"an extension too long", server_hello(u8(0), vec(2, u16(23) + u16(1)))},
      {"an extension 0xffff", server_hello(u8(0), vec(2, u16(23) + u16(0xffff)))},
      {"bytes behind", server_hello(u8(0), vec(2, good_extension) + u8(0))},
      {"an extension twice", server_hello(u8(0), vec(2, good_extension + good_extension))},
  };
  for (const Case& item : cases) EXPECT_FALSE(read_server_hello(item.body)) << item.what;
  EXPECT_TRUE(read_server_hello(server_hello(u8(0), vec(2, good_extension))));
}

TEST(TlsServerHello, has_64_extensions_at_most) {
  TlsBytes list;
  for (std::uint16_t type = 100; type < 164; ++type) list = list + extension(type, {});
  EXPECT_TRUE(read_server_hello(server_hello(u8(0), vec(2, list))));
  EXPECT_FALSE(read_server_hello(server_hello(u8(0), vec(2, list + extension(164, {})))));
}

TEST(TlsServerHello, with_ill_formed_extensions_tells_less) {
  const TlsBytes body = server_hello(
      u8(0), vec(2, extension(kExtSupportedVersions, hex("03")) + extension(kExtKeyShare, hex("00 1d 00 20 aa")) +
                        extension(kExtCookie, hex("00 00"))));
  const auto hello = read_server_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->version(), kTls12);
  EXPECT_TRUE(hello->key_share().empty());
  EXPECT_FALSE(hello->cookie()) << "an empty cookie is none";
}

TEST(TlsEncryptedExtensions, hold_the_protocol) {
  const TlsBytes body = vec(2, extension(kExtAlpn, vec(2, vec(1, text("h2")))));
  const auto extensions = read_encrypted_extensions(body);
  ASSERT_TRUE(extensions);
  EXPECT_EQ(read_alpn(*extensions->find(kExtAlpn)), "h2");
  EXPECT_FALSE(extensions->find(kExtEarlyData));
  EXPECT_FALSE(read_encrypted_extensions(u16(1)));
  EXPECT_FALSE(read_encrypted_extensions({}));
  EXPECT_TRUE(read_encrypted_extensions(u16(0)));
}

TEST(TlsAlpn, of_another_form_is_none) {
  const TlsBytes name = vec(1, text("h2"));
  for (const TlsBytes& body : {TlsBytes(), vec(2, name + name), vec(2, name, 1), vec(2, name, -1),
                               vec(2, vec(1, text("h2"), 1)), vec(2, name) + u8(0), u16(0xffff)})
    EXPECT_EQ(read_alpn(body), "");
}

std::vector<std::string> certificates_of(const TlsCertificateMessage& message) {
  std::vector<std::string> found;
  message.certificates.for_each(
      [&](std::span<const std::byte> der, const TlsExtensions&) { found.emplace_back(as_text(der)); });
  return found;
}

TEST(TlsCertificate, of_both_forms_gives_all_in_order) {
  const TlsBytes old = vec(3, vec(3, text("leaf")) + vec(3, text("root")));
  const auto before = read_certificate(old, false);
  ASSERT_TRUE(before);
  EXPECT_EQ(certificates_of(*before), (std::vector<std::string>{"leaf", "root"}));
  EXPECT_FALSE(before->cut_short);
  const TlsBytes ocsp = extension(kExtStatusRequest, u8(1) + vec(3, text("good")));
  const TlsBytes body = vec(1, text("ctx")) + vec(3, vec(3, text("leaf")) + vec(2, ocsp) + vec(3, text("ca")) + u16(0));
  const auto message = read_certificate(body, true);
  ASSERT_TRUE(message);
  EXPECT_EQ(certificates_of(*message), (std::vector<std::string>{"leaf", "ca"}));
  EXPECT_FALSE(message->cut_short);
  std::string stapled;
  message->certificates.for_each([&](std::span<const std::byte>, const TlsExtensions& extensions) {
    if (const auto status = extensions.find(kExtStatusRequest)) stapled = as_text(read_ocsp(*status));
  });
  EXPECT_EQ(stapled, "good");
}

TEST(TlsCertificate, empty_is_well_formed) {
  const TlsBytes none = u8(0) + vec(3, {});
  const auto message = read_certificate(none, true);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->cut_short);
  EXPECT_TRUE(certificates_of(*message).empty());
  const TlsBytes old = vec(3, {});
  EXPECT_FALSE(read_certificate(old, false)->cut_short);
  EXPECT_FALSE(read_certificate(u16(0), false)) << "no list at all";
  EXPECT_FALSE(read_certificate(hex("ff 00 00 00"), true)) << "the context is beyond the end";
}

TEST(TlsCertificate, cut_short_keeps_what_came_before) {
  const TlsBytes leaf = vec(3, text("leaf"));
  for (const TlsBytes& body : {
           vec(3, leaf + vec(3, text("ca"), 1)),                        // the second claims more than there is
           vec(3, leaf + hex("ff ff ff")),                              // 16 MB
           vec(3, leaf + hex("00 00")),                                 // half a length
           vec(3, leaf, 1), vec(3, leaf, 0xffff), vec(3, leaf) + u8(0)  // the list's own length lies
       }) {
    const auto message = read_certificate(body, false);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->cut_short);
    EXPECT_EQ(certificates_of(*message), std::vector<std::string>{"leaf"});
  }
  const TlsBytes entry = leaf + u16(0);
  const TlsBytes body = u8(0) + vec(3, entry + vec(3, text("ca")) + u16(9));
  const auto message = read_certificate(body, true);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->cut_short);
  EXPECT_EQ(certificates_of(*message), std::vector<std::string>{"leaf"});
}

TEST(TlsOcsp, of_another_type_or_length_is_none) {
  EXPECT_EQ(as_text(read_ocsp(u8(1) + vec(3, text("ok")))), "ok");
  for (const TlsBytes& body : {TlsBytes(), u8(1), u8(2) + vec(3, text("ok")), u8(1) + vec(3, text("ok"), 1),
                               u8(1) + vec(3, text("ok"), -1), u8(1) + hex("ff ff ff")})
    EXPECT_TRUE(read_ocsp(body).empty());
}

TEST(TlsServerKeyExchange, ecdhe_names_its_group) {
  const TlsBytes parameters = hex("03 00 17") + vec(1, zeros(65));
  const TlsBytes signature = vec(2, zeros(70));
  const TlsBytes tls12 = parameters + hex("04 03") + signature;
  const auto read12 = read_server_key_exchange(tls12, TlsKeyExchange::kEcdhe, kTls12);
  ASSERT_TRUE(read12 && read12->signature);
  EXPECT_EQ(read12->group, kSecp256r1);
  EXPECT_EQ(read12->signature->scheme, 0x0403);
  EXPECT_EQ(read12->signature->signature.size(), 70U);
  EXPECT_EQ(as_text(read12->parameters), as_text(parameters));
  for (const std::uint16_t version : {kSsl3, kTls10, kTls11}) {
    const TlsBytes old = parameters + signature;
    const auto read10 = read_server_key_exchange(old, TlsKeyExchange::kEcdhe, version);
    ASSERT_TRUE(read10 && read10->signature);
    EXPECT_EQ(read10->signature->scheme, 0);
    EXPECT_EQ(read10->signature->signature.size(), 70U);
  }
  EXPECT_FALSE(read_server_key_exchange(parameters, TlsKeyExchange::kEcdhe, kTls12)->signature) << "anonymous";
  EXPECT_FALSE(read_server_key_exchange(hex("01 00 17 01 aa"), TlsKeyExchange::kEcdhe, kTls12)) << "explicit curve";
  EXPECT_FALSE(read_server_key_exchange(hex("03 00 17 ff aa"), TlsKeyExchange::kEcdhe, kTls12)) << "the point lies";
  EXPECT_FALSE(read_server_key_exchange(hex("03 00"), TlsKeyExchange::kEcdhe, kTls12));
}

TEST(TlsServerKeyExchange, dhe_has_three_numbers) {
  const TlsBytes parameters = vec(2, zeros(128)) + vec(2, u8(2)) + vec(2, zeros(128));
  const TlsBytes tls12 = parameters + hex("04 01") + vec(2, zeros(256));
  const auto read = read_server_key_exchange(tls12, TlsKeyExchange::kDhe, kTls12);
  ASSERT_TRUE(read && read->signature);
  EXPECT_FALSE(read->group);
  EXPECT_EQ(read->parameters.size(), parameters.size());
  EXPECT_EQ(read->signature->scheme, 0x0401);
  EXPECT_TRUE(read_server_key_exchange(parameters + vec(2, zeros(256)), TlsKeyExchange::kDhe, kTls10)->signature);
  EXPECT_FALSE(read_server_key_exchange(parameters + vec(2, zeros(8), 1), TlsKeyExchange::kDhe, kTls10)->signature)
      << "the signature lies";
  EXPECT_FALSE(read_server_key_exchange(vec(2, u8(1)) + vec(2, u8(2)) + u16(0xffff), TlsKeyExchange::kDhe, kTls12));
  EXPECT_FALSE(read_server_key_exchange(tls12, TlsKeyExchange::kRsa, kTls12)) << "RSA has none";
}

TEST(TlsKeyExchange, is_told_by_the_suites_name) {
  EXPECT_EQ(key_exchange_of(0xc02f), TlsKeyExchange::kEcdhe);
  EXPECT_EQ(key_exchange_of(0xcc13), TlsKeyExchange::kEcdhe) << "of the ChaCha20 drafts";
  EXPECT_EQ(key_exchange_of(0x0033), TlsKeyExchange::kDhe);
  EXPECT_EQ(key_exchange_of(0x002f), TlsKeyExchange::kRsa);
  for (const int other : {0x1301, 0x0034, 0x00a8, 0x0094, 0xc035, 0xc01d, 0xc004, 0x7777})
    EXPECT_EQ(key_exchange_of(static_cast<std::uint16_t>(other)), TlsKeyExchange::kOther) << other;
}

TEST(TlsCertificateVerify, ends_with_its_signature) {
  const TlsBytes good = hex("08 04") + vec(2, zeros(256));
  ASSERT_TRUE(read_certificate_verify(good));
  EXPECT_EQ(read_certificate_verify(good)->scheme, 0x0804);
  for (const TlsBytes& bad : {TlsBytes(), hex("08 04") + vec(2, zeros(4), 1), good + u8(0), hex("08 04 ff ff")})
    EXPECT_FALSE(read_certificate_verify(bad));
}

TEST(TlsCompressedCertificate, names_algorithm_and_size) {
  const TlsBytes good = u16(2) + number(5000, 3) + vec(3, zeros(100));
  const auto read = read_compressed_certificate(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->algorithm, 2);
  EXPECT_EQ(read->size, 5000U);
  EXPECT_EQ(read->data.size(), 100U);
  for (const TlsBytes& bad : {TlsBytes(), u16(2) + number(5000, 3) + vec(3, {}), good + u8(0),
                              u16(2) + number(5000, 3) + vec(3, zeros(4), 1)})
    EXPECT_FALSE(read_compressed_certificate(bad));
}

}  // namespace
}  // namespace sonde::wire
