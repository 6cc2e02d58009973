#include "probes/tls/lean_hello.h"

#include <algorithm>

#include "base/mix.h"
#include "wire/tls_message.h"

namespace sonde::probes {
namespace {

constexpr auto kCiphers13 = std::to_array<std::uint16_t>({0x1301, 0x1302, 0x1303});
// What gets a certificate out of any server up to TLS 1.2, the sound before the weak: forward secrecy with an AEAD,
// with CBC, RSA key exchange, then what only the oldest have. Nothing anonymous, nothing without encryption.
constexpr auto kCiphers12 = std::to_array<std::uint16_t>({
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc086, 0xc087,  // ECDHE AEAD
    0xc08a, 0xc08b, 0x009e, 0x009f, 0xccaa, 0x00a2, 0x00a3, 0xc09e, 0xc09f,                          // DHE AEAD
    0xc023, 0xc027, 0xc009, 0xc013, 0xc024, 0xc028, 0xc00a, 0xc014, 0xc072, 0xc076, 0xc073, 0xc077,  // ECDHE CBC
    0x0067, 0x006b, 0x0033, 0x0039, 0x0040, 0x006a, 0x0032, 0x0038, 0x0045, 0x0088,                  // DHE CBC
    0x009c, 0x009d, 0xc09c, 0xc09d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041, 0x0084, 0x0096, 0x0007,  // RSA
    0xc008, 0xc012, 0x0016, 0x0013, 0x000a, 0xc007, 0xc011, 0x0005, 0x0004, 0x0015, 0x0009,          // 3DES, RC4, DES
});
constexpr auto kGroups = std::to_array<std::uint16_t>({wire::kX25519, wire::kSecp256r1, wire::kSecp384r1});
// RFC 8446, 4.2.3: ECDSA, RSA-PSS, Ed25519, Ed448, RSA PKCS #1, then SHA-1 and DSA for the old.
constexpr auto kSignatureAlgorithms =
    std::to_array<std::uint16_t>({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807,
                                  0x0808, 0x0809, 0x080a, 0x080b, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0202});
constexpr std::uint8_t kPskWithDhe = 1;

std::vector<std::uint16_t> ciphers_for(const HelloOffer& offer) {
  std::vector<std::uint16_t> ciphers;
  if (offer.max_version >= wire::kTls13) ciphers.assign(kCiphers13.begin(), kCiphers13.end());
  if (offer.min_version <= wire::kTls12) ciphers.insert(ciphers.end(), kCiphers12.begin(), kCiphers12.end());
  return ciphers;
}

}  // namespace

std::array<std::byte, 64> nonces_of(std::uint64_t seed) {
  std::array<std::byte, 64> nonces{};
  for (std::size_t word = 0; word < nonces.size() / 8; ++word) {
    const std::uint64_t bits = mix64(seed + (word + 1) * 0x9e3779b97f4a7c15ULL);
    for (std::size_t i = 0; i < 8; ++i) nonces[word * 8 + i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
  }
  return nonces;
}

LeanHellos::LeanHellos(HelloOffer offer, const TlsKeys& keys)
    : offer_(std::move(offer)),
      keys_(keys),
      ciphers_(ciphers_for(offer_)),
      template_(make(wire::kX25519, {})),
      last_(template_) {}

// All but the server's name: that comes last, behind what is the same for all.
wire::TlsClientHello LeanHellos::make(std::uint16_t group, std::span<const std::byte> cookie) const {
  const std::uint16_t legacy_version = std::min(offer_.max_version, wire::kTls12);
  wire::TlsClientHello hello(std::min(legacy_version, wire::kTls10), legacy_version, ciphers_);
  if (offer_.max_version == wire::kSsl3) return hello;  // it knew no extensions
  hello.flag(wire::kExtExtendedMasterSecret).renegotiation_info().groups(kGroups).point_formats();
  if (!offer_.alpn.empty()) {
    const std::vector<std::string_view> names(offer_.alpn.begin(), offer_.alpn.end());
    hello.alpn(names);
  }
  hello.status_request().signature_algorithms(kSignatureAlgorithms).flag(wire::kExtScts);
  if (offer_.max_version < wire::kTls13) return hello;
  std::vector<std::uint16_t> versions;
  for (std::uint16_t version = wire::kTls13; version >= offer_.min_version; --version) versions.push_back(version);
  const std::array shares = {wire::TlsKeyShare{.group = group, .key = keys_.share(group)}};
  hello.compress_certificate().supported_versions(versions).psk_modes(kPskWithDhe).key_shares(shares);
  if (!cookie.empty()) hello.cookie(cookie);
  return hello;
}

std::span<const std::byte> LeanHellos::finish(wire::TlsClientHello hello, std::uint64_t seed,
                                              std::string_view server_name) {
  last_ = std::move(hello);
  if (offer_.max_version > wire::kSsl3) {
    if (!server_name.empty()) last_.server_name(server_name);
    last_.padding();
  }
  const std::array<std::byte, 64> nonces = nonces_of(seed);
  last_.patch_nonces(std::span(nonces).first<32>(), std::span(nonces).last<32>());
  return last_.finish();
}

std::span<const std::byte> LeanHellos::first(std::uint64_t seed, std::string_view server_name) {
  return finish(template_, seed, server_name);
}

std::span<const std::byte> LeanHellos::second(std::uint64_t seed, std::string_view server_name, std::uint16_t group,
                                              std::span<const std::byte> cookie) {
  return finish(make(group, cookie), seed, server_name);
}

bool LeanHellos::offers_cipher(std::uint16_t cipher) const {
  return std::ranges::find(ciphers_, cipher) != ciphers_.end();
}

bool LeanHellos::offers_group(std::uint16_t group) const { return std::ranges::find(kGroups, group) != kGroups.end(); }

}  // namespace sonde::probes
