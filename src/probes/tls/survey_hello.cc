#include "probes/tls/survey_hello.h"

#include <algorithm>
#include <array>

#include "wire/tls_client_hello.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

// At most kMaxOfferedSuites, so that a common server's suites all lie in the first hello, whose answers tell their
// order.
constexpr auto kCommonSuites = std::to_array<std::uint16_t>({
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xccaa, 0xcc14, 0xcc13,  // ECDHE with AEAD, DHE with ChaCha20
    0x009e, 0x009f, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a, 0xc014,  // DHE with GCM, ECDHE with CBC
    0x0067, 0x006b, 0x0033, 0x0039, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035,  // DHE with CBC, RSA
    0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1, 0xc09e, 0xc09f, 0xc0a2, 0xc0a3,  // CCM
    0x000a, 0x0016, 0xc008, 0xc012, 0x0004, 0x0005, 0xc007, 0xc011,                                  // 3DES, RC4
    0x0041, 0x0084, 0x0045, 0x0088, 0x00ba, 0x00c0, 0x00be, 0x00c4,                                  // Camellia
    0x0096, 0x009a, 0x0007, 0x0009, 0x0015,                                                          // SEED, IDEA, DES
});
static_assert(kCommonSuites.size() <= kMaxOfferedSuites);

constexpr auto kGroupsOfTls13 = std::to_array<std::uint16_t>(
    {29, 23, 24, 25, 30, 4588, 4587, 4589, 25497, 256, 257, 258, 259, 260, 31, 32, 33, 41, 512, 513, 514});
constexpr auto kGroupsBefore =
    std::to_array<std::uint16_t>({29, 23, 24, 25, 30, 22, 26, 27, 28, 41, 1,  2,  3,  4,  5, 6,
                                  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21});

// The registry "TLS SignatureScheme", whose pairs of hash and key are those of TLS 1.2 (RFC 5246, 7.4.1.4.1) too.
constexpr auto kSignatureSchemes = std::to_array<std::uint16_t>({
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0809, 0x080a,
    0x080b, 0x081a, 0x081b, 0x081c, 0x0904, 0x0905, 0x0906, 0x0708, 0x0709, 0x070a, 0x070b, 0x070c, 0x070d,
    0x070e, 0x070f, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602, 0x0203, 0x0201, 0x0202,
});

// RFC 9150 and RFC 9367: of TLS 1.3 like 13xx, and numbered elsewhere.
bool is_of_tls13(std::uint16_t suite) {
  return wire::is_tls13_cipher(suite) || suite == 0xc0b4 || suite == 0xc0b5 || (suite >= 0xc103 && suite <= 0xc106);
}

}  // namespace

std::vector<std::byte> survey_hello(const SurveyOffer& offer, std::string_view server_name,
                                    std::span<const std::byte, 64> nonce) {
  // The record's version is a formality that old servers take for the highest they may speak (RFC 8446, D.2).
  const std::uint16_t record = std::min(offer.version, wire::kTls10);
  wire::TlsClientHello hello(record, std::min(offer.version, wire::kTls12), offer.suites);
  if (offer.version >= wire::kTls10) {
    if (!server_name.empty()) hello.server_name(server_name);
    hello.flag(wire::kExtExtendedMasterSecret).renegotiation_info().groups(offer.groups).point_formats();
  }
  if (offer.version >= wire::kTls12) hello.signature_algorithms(kSignatureSchemes);
  if (offer.version >= wire::kTls13) hello.supported_versions(std::array{offer.version}).key_shares({}).psk_modes(1);
  if (offer.version >= wire::kTls10) hello.padding();
  hello.patch_nonces(nonce.first<32>(), nonce.last<32>());
  const std::span<const std::byte> bytes = hello.finish();
  return {bytes.begin(), bytes.end()};
}

bool accepts(const HelloAnswer& answer, std::uint16_t version) {
  using Kind = HelloAnswer::Kind;
  return (answer.kind == Kind::kServerHello || answer.kind == Kind::kHelloRetry) && answer.hello.version() == version;
}

std::vector<std::uint16_t> suites_of(std::uint16_t version) {
  std::vector<std::uint16_t> suites;
  if (version < wire::kTls13) suites.assign(kCommonSuites.begin(), kCommonSuites.end());
  for (const wire::TlsName& suite : wire::tls_ciphers()) {
    if (wire::is_tls_signal(suite.number)) continue;
    const bool fits = version >= wire::kTls13 ? is_of_tls13(suite.number) : !wire::is_tls13_cipher(suite.number);
    if (fits && (version >= wire::kTls13 || std::ranges::find(kCommonSuites, suite.number) == kCommonSuites.end()))
      suites.push_back(suite.number);
  }
  return suites;
}

std::span<const std::uint16_t> groups_of(std::uint16_t version) {
  if (version >= wire::kTls13) return kGroupsOfTls13;
  return kGroupsBefore;
}

}  // namespace sonde::probes
