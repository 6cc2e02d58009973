// Bad servers, met by the tls probe on both engines: a table of what is said, and what the verdict must be. Each is cut
// into single bytes too. What the ends of a connection do at every byte of a flight is in tls_ends_test.cc; single
// rules are in tls_rules_test.cc.
#include "probes/tls/tls_probe.h"

#include <gtest/gtest.h>

#include <functional>

#include "probes/tls/crafted_server.h"
#include "probes/tls/drive.h"
#include "results/outcome.h"
#include "tls/memory_server.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using namespace crafted;  // NOLINT(google-build-using-namespace): the words of this file
using results::Outcome;
using wire::TlsMessageType;

Ready& engine_named(const std::string& name) {
  static Ready lean(Ready::Options{{"tls-engine", "lean"}});
  static Ready full(Ready::Options{{"tls-engine", "full"}});
  return name == "lean" ? lean : full;
}

// Says it all at once when it has heard the first ClientHello; then the end.
using Says = std::function<TlsBytes(Server13&)>;
enum class End : std::uint8_t { kNone, kFin, kReset, kSilence };

struct Case {
  std::string name;
  Says says;
  Outcome outcome;                       // of the lean engine
  std::string error;                     // part of the lean engine's
  End end = End::kNone;                  // none: what was said must be enough for a verdict
  Outcome full_outcome = {};             // kSuccess: the same
  TlsField learned = TlsField::kEngine;  // a field that the lean engine's record must have
  bool stepwise = true;                  // also in single bytes
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Says says(std::string_view words) {
  return [words](Server13&) { return wire::text(words); };
}
Says bytes(TlsBytes said) {
  return [said = std::move(said)](Server13&) { return said; };
}
// ServerHello of TLS 1.3, and these messages behind it.
Says behind_keys(TlsBytes messages) {
  return [messages = std::move(messages)](Server13& server) { return server.flight(messages); };
}
TlsBytes repeated(const TlsBytes& what, std::size_t times) {
  TlsBytes all;
  all.reserve(what.size() * times);
  for (std::size_t i = 0; i < times; ++i) all.insert(all.end(), what.begin(), what.end());
  return all;
}
TlsBytes sentinel(char last) {
  TlsBytes random = some_random();
  const TlsBytes tail = wire::text(std::string("DOWNGRD") + last);
  std::ranges::copy(tail, random.end() - 8);
  return random;
}
TlsBytes compressed(std::uint16_t algorithm, std::uint32_t size, const TlsBytes& data) {
  return encrypted_extensions() +
         message(TlsMessageType::kCompressedCertificate, u16(algorithm) + wire::number(size, 3) + vec(3, data));
}
// A megabyte of zeros by zlib, in a thousand bytes: stored as one long match after another.
TlsBytes zlib_bomb();

std::vector<Case> not_tls() {
  constexpr Outcome kNot = Outcome::kProtocolError;
  return {
      {"http", says("HTTP/1.1 400 Bad Request\r\n\r\n"), kNot, "not TLS: it looks like HTTP"},
      {"ssh", says("SSH-2.0-OpenSSH_9.2\r\n"), kNot, "not TLS: it looks like SSH"},
      {"smtp", says("220 mail.example ESMTP\r\n"), kNot, "not TLS: it looks like SMTP or FTP"},
      {"imap", says("* OK ready\r\n"), kNot, "not TLS: it looks like IMAP"},
      {"one_byte_and_fin", says("2"), kNot, "not TLS", End::kFin},
      {"one_byte_and_silence", says("2"), kNot, "not TLS", End::kSilence},
      {"a_record_of_version_9", bytes(hex("1609030004")), kNot, "not TLS"},
      {"sslv2", bytes(hex("8003000001")), kNot, "not TLS"},
      {"silence", says(""), Outcome::kTimeout, "", End::kSilence},
      {"fin", says(""), Outcome::kClosed, "closed without a word", End::kFin},
      {"rst", says(""), Outcome::kReset, "reset without a word", End::kReset},
      {"half_a_header_and_fin", bytes(hex("160303")), Outcome::kClosed, "closed during the handshake", End::kFin},
      {"half_a_header_and_rst", bytes(hex("160303")), Outcome::kReset, "reset during the handshake", End::kReset},
      {"half_a_header_and_silence", bytes(hex("160303")), Outcome::kTimeout, "", End::kSilence},
  };
}

std::vector<Case> floods_and_lies() {
  constexpr Outcome kBroken = Outcome::kTlsError;
  const TlsBytes long_message = u8(11) + wire::number(250'000, 3);
  std::vector<Case> cases = {
      {"a_message_that_never_ends",
       bytes(handshake_records(server_hello({})) + handshake_records(long_message + TlsBytes(249'990))),
       Outcome::kTimeout, "", End::kSilence, Outcome::kTlsError, TlsField::kCipher},
      {"handshake_bytes_without_end", bytes(repeated(record(22, u8(0) + u8(0) + u16(0)), 5000)), kBroken,
       "a flood of handshake messages"},
      {"application_data", bytes(repeated(record(23, TlsBytes(100)), 5000)), kBroken,
       "application data before the handshake"},
      {"change_cipher_specs", bytes(repeated(record(20, u8(1)), 5000)), kBroken, "a ChangeCipherSpec"},
      {"change_cipher_specs_behind_a_retry",
       [](Server13& server) { return record(22, server.retry(wire::kSecp256r1)) + repeated(record(20, u8(1)), 5000); },
       kBroken, "a flood of records that carry nothing on"},
      {"warnings", bytes(repeated(alert(1, 112), 5000)), kBroken, "a flood of records that carry nothing on"},
      {"empty_records", bytes(repeated(record(22, {}), 5000)), kBroken, "a flood of records that carry nothing on"},
      {"empty_records_behind_the_keys",
       [](Server13& server) {
         TlsBytes said = record(22, server.say_hello());
         for (int i = 0; i < 100; ++i) said = said + server.seal(22, {}, 9);
         return said;
       },
       kBroken,
       "a flood of records that carry nothing on",
       {},
       {},
       TlsField::kCipher},
      {"certificates_without_end_behind_the_keys",
       behind_keys(encrypted_extensions() + u8(11) + wire::number(16'000'000, 3) + TlsBytes(600'000)),
       kBroken,
       "a handshake message is too long",
       {},
       {},
       TlsField::kCipher},
  };
  for (Case& c : cases) c.stepwise = false;
  const std::vector<Case> lies = {
      {"a_record_of_65535", bytes(hex("160303ffff") + TlsBytes(70'000)), kBroken, "longer than TLS allows"},
      {"a_message_of_16_mib", bytes(record(22, hex("02ffffff"))), kBroken, "a handshake message is too long"},
      {"a_plain_record_of_18432", bytes(record(22, u8(2) + wire::number(18'000, 3) + TlsBytes(18'428))), kBroken,
       "a plain record of more than 16 KiB"},
      {"an_alert_of_no_bytes", bytes(record(21, {})), kBroken, "a malformed alert"},
      {"an_alert_of_one_byte", bytes(record(21, u8(2))), kBroken, "a malformed alert"},
      {"an_alert_of_three_bytes", bytes(record(21, u8(2) + u16(40))), kBroken, "a malformed alert"},
      {"an_alert", bytes(alert(2, 40)), kBroken, "the server refused: handshake_failure", {}, {}, TlsField::kAlert},
      {"close_notify", bytes(alert(1, 0)), Outcome::kClosed, "close_notify"},
      {"close_notify_behind_the_hello",
       bytes(handshake_records(server_hello({})) + alert(1, 0)),
       Outcome::kClosed,
       "close_notify",
       {},
       {},
       TlsField::kCipher},
      {"an_alert_in_the_clear_behind_the_keys",
       [](Server13& server) { return record(22, server.say_hello()) + alert(2, 40); },
       kBroken,
       "the server refused: handshake_failure",
       {},
       {},
       TlsField::kCipher},
      {"an_encrypted_alert",
       [](Server13& server) {
         const TlsBytes hello = record(22, server.say_hello());
         return hello + server.seal(21, hex("0228"));
       },
       kBroken,
       "the server refused: handshake_failure",
       {},
       {},
       TlsField::kAlert},
  };
  cases.insert(cases.end(), lies.begin(), lies.end());
  return cases;
}

std::vector<Case> bad_hellos() {
  constexpr Outcome kBroken = Outcome::kTlsError;
  const auto retried = [](std::uint16_t group) {
    return [group](Server13& server) { return record(22, server.retry(group)); };
  };
  const auto hello13 = [](const std::function<void(HelloParts&)>& change) {
    return [change](Server13& server) {
      HelloParts parts = server.parts();
      change(parts);
      return record(22, server_hello(parts)) + record(23, TlsBytes(40));
    };
  };
  return {
      {"two_retries",
       [](Server13& server) {
         const TlsBytes asked = record(22, server.retry(wire::kSecp256r1));
         return asked + asked;
       },
       kBroken, "a second HelloRetryRequest"},
      {"a_retry_for_a_group_of_nobody", retried(0x4242), kBroken, "a group that it had, or was not offered"},
      {"a_retry_for_the_same_group", retried(wire::kX25519), kBroken, "a group that it had, or was not offered"},
      {"a_retry_without_change", retried(0), kBroken, "a HelloRetryRequest that changes nothing"},
      {"a_retry_with_a_cookie_of_60_kb",
       [](Server13& server) { return handshake_records(server.retry(0, TlsBytes(60'000))); },
       kBroken,
       "a cookie that no ClientHello has room for",
       {},
       Outcome::kClosed},
      {"another_session_id", hello13([](HelloParts& parts) { parts.session_id = TlsBytes(32); }), kBroken,
       "did not echo the session id"},
      {"a_group_without_a_share", hello13([](HelloParts& parts) {
         parts.extensions = selects(wire::kTls13) +
                            extension(wire::kExtKeyShare, u16(wire::kSecp256r1) + vec(2, TlsBytes(65, std::byte{4})));
       }),
       kBroken, "a key share of a group that was not offered"},
      {"no_key_share", hello13([](HelloParts& parts) { parts.extensions = selects(wire::kTls13); }), kBroken,
       "without a key share"},
      {"a_share_of_zeros", hello13([](HelloParts& parts) {
         parts.extensions =
             selects(wire::kTls13) + extension(wire::kExtKeyShare, u16(wire::kX25519) + vec(2, TlsBytes(32)));
       }),
       kBroken, "a key share that is none"},
      {"a_cipher_that_was_not_offered",
       bytes(handshake_records(server_hello({.cipher = 0x0000}))),
       kBroken,
       "a cipher suite that was not offered",
       {},
       {},
       TlsField::kVersion},
      {"a_cipher_of_1_3_in_1_2", bytes(handshake_records(server_hello({.cipher = 0x1301}))), kBroken,
       "a cipher suite that was not offered"},
      {"a_cipher_of_1_2_in_1_3", hello13([](HelloParts& parts) { parts.cipher = 0xc02b; }), kBroken,
       "a cipher suite that was not offered"},
      {"a_version_that_was_not_offered",
       bytes(handshake_records(server_hello({.legacy_version = 0x0300}))),
       kBroken,
       "a version that was not offered",
       {},
       {},
       TlsField::kVersion},
      {"a_version_of_nobody", bytes(handshake_records(server_hello({.extensions = selects(0x0305)}))), kBroken,
       "a version that does not exist"},
      {"compression", bytes(handshake_records(server_hello({.compression = 1}))), kBroken, "a compression"},
      {"an_extension_twice", bytes(handshake_records(server_hello({.extensions = repeated(extension(23, {}), 2)}))),
       kBroken, "malformed ServerHello"},
      {"a_hello_cut_short", bytes(record(22, message(TlsMessageType::kServerHello, u16(0x0303) + TlsBytes(20)))),
       kBroken, "malformed ServerHello"},
      {"no_hello_but_a_certificate", bytes(handshake_records(certificate(text_der(), 1, false))), kBroken,
       "a handshake message that was not due"},
      {"downgraded_from_1_3",
       bytes(plain_flight({.random = sentinel('\x01')})),
       kBroken,
       "downgraded",
       {},
       {},
       TlsField::kSha256},
      {"downgraded_from_1_2",
       bytes(plain_flight({.legacy_version = wire::kTls11, .random = sentinel('\0'), .cipher = 0xc009})),
       kBroken,
       "",
       {},
       {},
       TlsField::kCipher},
  };
}

std::vector<Case> bad_certificates() {
  constexpr Outcome kBroken = Outcome::kTlsError;
  constexpr Outcome kFine = Outcome::kSuccess;
  const TlsBytes der = text_der();
  std::vector<Case> cases = {
      {"garbage_der", bytes(plain_flight()), kFine, "", {}, kBroken, TlsField::kCertificateError},
      {"garbage_der_in_1_3",
       behind_keys(encrypted_extensions() + certificate(der, 1, true)),
       kFine,
       "",
       {},
       kBroken,
       TlsField::kCertificateError},
      {"a_hundred", bytes(plain_flight({}, der, 100)), kFine, "", {}, kBroken, TlsField::kChain},
      {"a_thousand", bytes(plain_flight({}, der, 1000)), kFine, "", {}, kBroken, TlsField::kChain},
      {"more_than_256_kib",
       bytes(plain_flight({}, TlsBytes(4000, std::byte{48}), 100)),
       kBroken,
       "a handshake message is too long",
       {},
       {},
       TlsField::kCipher},
      {"none",
       bytes(plain_flight({}, der, 0)),
       kBroken,
       "a Certificate without certificates",
       {},
       {},
       TlsField::kCipher},
      {"none_in_1_3",
       behind_keys(encrypted_extensions() + certificate(der, 0, true)),
       kBroken,
       "a Certificate without certificates",
       {},
       {},
       TlsField::kCipher},
      {"a_list_that_lies",
       bytes(handshake_records(server_hello({}) +
                               message(TlsMessageType::kCertificate, vec(3, vec(3, der) + vec(3, der), 1)))),
       kBroken,
       "malformed Certificate",
       {},
       {},
       TlsField::kSha256},
      {"no_certificate_at_all",
       bytes(handshake_records(server_hello({}) + message(TlsMessageType::kServerHelloDone, {}))),
       kBroken,
       "has no Certificate",
       {},
       {},
       TlsField::kCipher},
      {"no_key_exchange",
       bytes(handshake_records(server_hello({}) + certificate(der, 1, false) +
                               message(TlsMessageType::kServerHelloDone, {}))),
       kBroken,
       "has no ServerKeyExchange",
       {},
       {},
       TlsField::kSha256},
      {"a_key_exchange_without_a_signature",
       bytes(handshake_records(server_hello({}) + certificate(der, 1, false) +
                               message(TlsMessageType::kServerKeyExchange, u8(3) + u16(29) + vec(1, TlsBytes(32))))),
       kBroken,
       "malformed ServerKeyExchange",
       {},
       {},
       TlsField::kSha256},
      {"a_request_before_the_certificate",
       behind_keys(encrypted_extensions() + message(TlsMessageType::kCertificateRequest, u8(0) + vec(2, {})) +
                   certificate(der, 1, true)),
       kFine,
       "",
       {},
       kBroken,
       TlsField::kClientCertRequested},
      {"two_requests",
       behind_keys(encrypted_extensions() + repeated(message(TlsMessageType::kCertificateRequest, u8(0) + u16(0)), 2)),
       kBroken, "that was not due"},
      {"a_bomb_of_16_mib",
       behind_keys(compressed(1, 0xffffff, TlsBytes(100))),
       kBroken,
       "malformed CompressedCertificate",
       {},
       {},
       TlsField::kCipher},
      {"a_bomb_that_says_it_is_small",
       behind_keys(compressed(1, 1000, zlib_bomb())),
       kBroken,
       "does not inflate",
       {},
       {},
       TlsField::kCipher},
      {"a_compression_of_nobody", behind_keys(compressed(9, 1000, TlsBytes(100))), kBroken, "does not inflate"},
      {"an_inflated_size_of_nothing", behind_keys(compressed(1, 0, TlsBytes(100))), kBroken, ""},
  };
  for (Case& c : cases) c.stepwise = c.name != "a_thousand" && c.name != "more_than_256_kib";
  return cases;
}

std::vector<Case> bad_records() {
  constexpr Outcome kBroken = Outcome::kTlsError;
  const TlsBytes flight = encrypted_extensions() + certificate(text_der(), 1, true);
  return {
      {"a_bad_mac",
       [flight](Server13& server) {
         TlsBytes said = server.flight(flight);
         said.back() ^= std::byte{1};
         return said;
       },
       kBroken,
       "a record is not authentic",
       {},
       {},
       TlsField::kCipher},
      {"a_record_shorter_than_its_tag",
       [](Server13& server) { return record(22, server.say_hello()) + record(23, TlsBytes(16)); }, kBroken,
       "a record is not authentic"},
      {"a_record_of_zeros_alone",
       [](Server13& server) {
         const TlsBytes hello = record(22, server.say_hello());
         return hello + server.seal(0, TlsBytes(30));
       },
       kBroken, "a record without a type"},
      {"an_encrypted_record_too_long",
       [](Server13& server) { return record(22, server.say_hello()) + record(23, TlsBytes(16384 + 257)); }, kBroken,
       "an encrypted record is too long"},
      {"application_data_behind_the_keys",
       [](Server13& server) {
         const TlsBytes hello = record(22, server.say_hello());
         return hello + server.seal(23, wire::text("hello"));
       },
       kBroken, "application data before the handshake's end"},
      {"plain_where_encrypted_is_due",
       [flight](Server13& server) { return record(22, server.say_hello()) + handshake_records(flight); }, kBroken,
       "a plain record where encrypted ones were due"},
      {"a_message_across_the_key_change",
       [flight](Server13& server) {
         const TlsBytes half(flight.begin(), flight.begin() + 3);
         const TlsBytes hello = record(22, server.say_hello() + half);
         return hello + server.seal(22, TlsBytes(flight.begin() + 3, flight.end()));
       },
       kBroken,
       "a record goes on behind the ServerHello",
       {},
       {},
       TlsField::kCipher},
      {"a_certificate_before_the_extensions", behind_keys(certificate(text_der(), 1, true)), kBroken,
       "that was not due"},
      {"malformed_extensions", behind_keys(message(TlsMessageType::kEncryptedExtensions, u16(7))), kBroken,
       "malformed EncryptedExtensions"},
      {"encrypted_without_a_hello", bytes(record(23, TlsBytes(40))), kBroken, "application data before"},
      {"a_change_of_cipher_in_1_2", bytes(handshake_records(server_hello({})) + record(20, u8(1))), kBroken,
       "a ChangeCipherSpec in the middle"},
  };
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class BadServer : public testing::TestWithParam<Case> {
 protected:
  struct Met {
    Outcome outcome;
    std::string error;
    bool learned;
    bool operator==(const Met&) const = default;
  };

  Met meet(const std::string& engine, std::size_t piece) {
    const Case& c = GetParam();
    Driven probe(engine_named(engine));
    probe.connect();
    EXPECT_TRUE(probe.handshaking()) << "the phase is tls from the start";
    Server13 server(probe.sent);
    const TlsBytes said = c.says(server);
    probe.hear(said, piece);
    EXPECT_LE(probe.heard, std::size_t{1200} << 10) << "a server is heard out no longer";
    EXPECT_LE(probe.peak_leases, 3U);
    if (probe.is_open()) {
      // OpenSSL may take it, where the lean engine does not; then the server has nothing more to say.
      EXPECT_TRUE(c.end != End::kNone || engine == "full") << "a verdict was due";
      if (c.end == End::kReset) {
        probe.reset();
      } else if (c.end == End::kSilence) {
        probe.silence();
      } else {
        probe.fin();
      }
    }
    EXPECT_TRUE(probe.handshaking()) << "the phase is still tls";
    EXPECT_EQ(probe.connections, 1U);
    return {probe.outcome(), probe.error, probe.has(c.learned)};
  }
  void expect_same_in_pieces(const std::string& engine, const Met& whole) {
    for (const std::size_t piece : {1, 7, 1000})
      if (GetParam().stepwise || piece == 1000) {
        EXPECT_EQ(meet(engine, piece), whole) << piece;
      }
  }
};

TEST_P(BadServer, gets_its_verdict_from_the_lean_engine_however_it_is_cut) {
  const Case& c = GetParam();
  const Met whole = meet("lean", SIZE_MAX);
  EXPECT_EQ(results::name(whole.outcome), results::name(c.outcome)) << whole.error;
  EXPECT_NE(whole.error.find(c.error), std::string::npos) << whole.error;
  EXPECT_EQ(whole.error.empty(), whole.outcome == Outcome::kSuccess || whole.outcome == Outcome::kTimeout);
  EXPECT_TRUE(whole.learned) << "what came before is kept";
  expect_same_in_pieces("lean", whole);
}

TEST_P(BadServer, gets_the_same_from_the_full_engine) {
  const Case& c = GetParam();
  const Met whole = meet("full", SIZE_MAX);
  EXPECT_EQ(results::name(whole.outcome),
            results::name(c.full_outcome == Outcome::kSuccess ? c.outcome : c.full_outcome))
      << whole.error;
  EXPECT_EQ(whole.error.empty(), whole.outcome == Outcome::kSuccess || whole.outcome == Outcome::kTimeout)
      << whole.error;
  expect_same_in_pieces("full", whole);
}

INSTANTIATE_TEST_SUITE_P(NotTls, BadServer, testing::ValuesIn(not_tls()), name_of_case);
INSTANTIATE_TEST_SUITE_P(FloodsAndLies, BadServer, testing::ValuesIn(floods_and_lies()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Hellos, BadServer, testing::ValuesIn(bad_hellos()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Certificates, BadServer, testing::ValuesIn(bad_certificates()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Records, BadServer, testing::ValuesIn(bad_records()), name_of_case);

// 1 MiB of zeros (RFC 1950, 1951): OpenSSL is no help here, so it is written out by hand: a stored block's worth of
// zeros, then fixed-code matches of 258 at distance 1.
TlsBytes zlib_bomb() {
  TlsBytes bits = hex("78da");
  unsigned held = 0;
  unsigned count = 0;
  const auto put = [&](unsigned value, unsigned size) {  // least significant bit first
    held |= value << count;
    for (count += size; count >= 8; count -= 8, held >>= 8) bits.push_back(static_cast<std::byte>(held & 0xff));
  };
  const auto put_code = [&](unsigned code, unsigned size) {  // a Huffman code: most significant bit first
    for (unsigned i = size; i-- > 0;) put(code >> i & 1U, 1);
  };
  put(1, 1);          // the last block
  put(1, 2);          // fixed codes
  put_code(0x30, 8);  // a zero
  for (int i = 0; i < 4064; ++i) {
    put_code(0xc5, 8);  // 285: length 258
    put_code(0, 5);     // distance 1
  }
  put_code(0, 7);
  put(0, 7);
  return bits + TlsBytes(4);  // a checksum that nobody gets to
}

}  // namespace
}  // namespace sonde::probes
