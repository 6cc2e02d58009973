#include "probes/tls/tls_keys.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/line.h"
#include "wire/tls_names.h"
#include "x509/openssl_handles.h"

namespace sonde::probes {
namespace {

using x509::FreeWith;
using Digest = std::unique_ptr<EVP_MD, FreeWith<EVP_MD_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER, FreeWith<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

constexpr std::size_t kTag = 16;

// The generators: of Curve25519 its u coordinate, 9 (RFC 7748, 4.1); of P-256 and P-384 uncompressed points (SEC 2,
// 2.4.2 and 2.5.1).
constexpr std::string_view kX25519Generator("\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
constexpr std::string_view kP256Generator(
    "\x04"
    "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45"
    "\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce"
    "\xcb\xb6\x40\x68\x37\xbf\x51\xf5",
    65);
constexpr std::string_view kP384Generator(
    "\x04"
    "\xaa\x87\xca\x22\xbe\x8b\x05\x37\x8e\xb1\xc7\x1e\xf3\x20\xad\x74\x6e\x1d\x3b\x62\x8b\xa7\x9b\x98\x59\xf7\x41\xe0"
    "\x82\x54\x2a\x38\x55\x02\xf2\x5d\xbf\x55\x29\x6c\x3a\x54\x5e\x38\x72\x76\x0a\xb7\x36\x17\xde\x4a\x96\x26\x2c\x6f"
    "\x5d\x9e\x98\xbf\x92\x92\xdc\x29\xf8\xf4\x1d\xbd\x28\x9a\x14\x7c\xe9\xda\x31\x13\xb5\xf0\xb8\xc0\x0a\x60\xb1\xce"
    "\x1d\x7e\x81\x9d\x7a\x43\x1d\x7c\x90\xea\x0e\x5f",
    97);

const unsigned char* in(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out_of(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

Secret secret_of(std::span<const std::byte> bytes) {
  Secret secret;
  copy_bytes(bytes, secret.bytes.data());
  secret.size = static_cast<std::uint8_t>(bytes.size());
  return secret;
}

}  // namespace

struct TlsKeys::Algorithms {
  struct Suite {
    Cipher cipher;
    CipherContext open, seal;
    std::size_t key_bytes = 0;
  };
  struct Hash {
    Digest digest;
    std::size_t bytes = 0;
    Secret derived;  // of the early secret without a PSK: what every handshake extracts from
  };
  std::array<Suite, 3> suites;
  std::array<Hash, 2> hashes;
  DigestContext digest{EVP_MD_CTX_new()};

  Suite& suite(std::uint16_t number) { return suites.at(number - 0x1301U); }
  Hash& hash(std::uint16_t number) { return hashes[number == 0x1302 ? 1 : 0]; }
};

TlsKeys::TlsKeys() : algorithms_(std::make_unique<Algorithms>()) {}
TlsKeys::~TlsKeys() = default;

Parsed<std::unique_ptr<TlsKeys>> TlsKeys::create() {
  std::unique_ptr<TlsKeys> keys(new TlsKeys);
  Algorithms& a = *keys->algorithms_;
  constexpr std::array kDigests = {"SHA256", "SHA384"};
  for (std::size_t i = 0; i < kDigests.size(); ++i) {
    a.hashes[i].digest.reset(EVP_MD_fetch(nullptr, kDigests[i], nullptr));
    if (!a.hashes[i].digest) return input_error(std::string("libcrypto has no ") + kDigests[i]);
    a.hashes[i].bytes = static_cast<std::size_t>(EVP_MD_get_size(a.hashes[i].digest.get()));
  }
  constexpr std::array kCiphers = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
  for (std::size_t i = 0; i < kCiphers.size(); ++i) {
    Algorithms::Suite& suite = a.suites.at(i);
    suite.cipher.reset(EVP_CIPHER_fetch(nullptr, kCiphers[i], nullptr));
    if (!suite.cipher) return input_error(std::string("libcrypto has no ") + kCiphers[i]);
    suite.key_bytes = static_cast<std::size_t>(EVP_CIPHER_get_key_length(suite.cipher.get()));
    suite.open.reset(EVP_CIPHER_CTX_new());
    suite.seal.reset(EVP_CIPHER_CTX_new());
    if (EVP_DecryptInit_ex2(suite.open.get(), suite.cipher.get(), nullptr, nullptr, nullptr) != 1 ||
        EVP_EncryptInit_ex2(suite.seal.get(), suite.cipher.get(), nullptr, nullptr, nullptr) != 1)
      return input_error(std::string("libcrypto cannot start ") + kCiphers[i]);
  }

  for (const std::uint16_t cipher : {std::uint16_t{0x1301}, std::uint16_t{0x1302}}) {
    const std::array<std::byte, 48> zeros{};
    const Secret no_secret = secret_of(std::span(zeros).first(a.hash(cipher).bytes));
    const Secret early = keys->extract(cipher, Secret(), no_secret.view());
    a.hash(cipher).derived =
        keys->expand_label(cipher, early, "derived", keys->hash(cipher, {}).view(), a.hash(cipher).bytes);
  }
  return keys;
}

std::span<const std::byte> TlsKeys::share(std::uint16_t group) const {
  if (group == wire::kX25519) return wire::as_bytes(kX25519Generator);
  if (group == wire::kSecp256r1) return wire::as_bytes(kP256Generator);
  if (group == wire::kSecp384r1) return wire::as_bytes(kP384Generator);
  return {};
}

std::optional<Secret> TlsKeys::agree(std::uint16_t group, std::span<const std::byte> peer_share) const {
  const std::span<const std::byte> own = share(group);
  if (own.empty() || peer_share.size() != own.size()) return std::nullopt;
  if (group == wire::kX25519) {
    // RFC 7748, 6.1: a share of small order would give zeros. Of those only 0 and p itself stay zero when times 1.
    if (std::ranges::all_of(peer_share, [](std::byte byte) { return byte == std::byte{0}; })) return std::nullopt;
    Secret shared = secret_of(peer_share);
    shared.bytes[31] &= std::byte{0x7f};  // RFC 7748, 5: the top bit of a coordinate does not count
    return shared;
  }
  if (peer_share[0] != std::byte{4}) return std::nullopt;
  return secret_of(peer_share.subspan(1, (peer_share.size() - 1) / 2));
}

Secret TlsKeys::hash(std::uint16_t cipher, std::span<const Piece> pieces) {
  const Algorithms::Hash& hash = algorithms_->hash(cipher);
  EVP_MD_CTX* context = algorithms_->digest.get();
  Secret digest;
  digest.size = static_cast<std::uint8_t>(hash.bytes);
  bool done = EVP_DigestInit_ex2(context, hash.digest.get(), nullptr) == 1;
  for (const Piece& piece : pieces) done = done && EVP_DigestUpdate(context, piece.data(), piece.size()) == 1;
  done = done && EVP_DigestFinal_ex(context, out_of(digest.bytes), nullptr) == 1;
  SONDE_CHECK(done, "libcrypto cannot hash");
  return digest;
}

// RFC 2104, over the digest that is there: an HMAC of libcrypto's own costs more to set up than it hashes.
Secret TlsKeys::hmac(std::uint16_t cipher, std::span<const std::byte> key, std::span<const Piece> pieces) {
  constexpr std::size_t kLongestBlock = 128;
  const std::size_t block = cipher == 0x1302 ? 128 : 64;
  SONDE_CHECK(key.size() <= block, "keys of the schedule are shorter than a block");
  std::array<std::byte, kLongestBlock> inner{};
  std::array<std::byte, kLongestBlock> outer{};
  copy_bytes(key, inner.data());
  outer = inner;
  for (std::byte& byte : inner) byte ^= std::byte{0x36};
  for (std::byte& byte : outer) byte ^= std::byte{0x5c};
  std::array<Piece, 4> all{std::span(inner).first(block)};
  SONDE_CHECK(pieces.size() < all.size(), "few pieces");
  std::ranges::copy(pieces, all.begin() + 1);
  const Secret within = hash(cipher, std::span(all).first(pieces.size() + 1));
  const std::array<Piece, 2> around{std::span(outer).first(block), within.view()};
  return hash(cipher, around);
}

Secret TlsKeys::extract(std::uint16_t cipher, const Secret& salt, std::span<const std::byte> key) {
  const std::array<Piece, 1> pieces{key};
  return hmac(cipher, salt.view(), pieces);
}

// HKDF-Expand-Label (RFC 8446, 7.1) of at most one hash's length.
Secret TlsKeys::expand_label(std::uint16_t cipher, const Secret& secret, std::string_view label,
                             std::span<const std::byte> context, std::size_t size) {
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<std::byte, 96> info{};
  std::size_t at = 0;
  const auto put = [&](std::span<const std::byte> bytes) {
    copy_bytes(bytes, info.data() + at);
    at += bytes.size();
  };
  info[at++] = std::byte{0};
  info[at++] = static_cast<std::byte>(size);
  info[at++] = static_cast<std::byte>(kPrefix.size() + label.size());
  put(wire::as_bytes(kPrefix));
  put(wire::as_bytes(label));
  info[at++] = static_cast<std::byte>(context.size());
  put(context);
  info[at++] = std::byte{1};  // the counter of HKDF-Expand
  const std::array<Piece, 1> pieces{std::span(info).first(at)};
  Secret expanded = hmac(cipher, secret.view(), pieces);
  expanded.size = static_cast<std::uint8_t>(size);
  return expanded;
}

TrafficKeys TlsKeys::traffic_keys(std::uint16_t cipher, const Secret& secret) {
  TrafficKeys keys;
  keys.cipher = cipher;
  const Secret key = expand_label(cipher, secret, "key", {}, algorithms_->suite(cipher).key_bytes);
  copy_bytes(key.view(), keys.key.data());
  const Secret iv = expand_label(cipher, secret, "iv", {}, keys.iv.size());
  copy_bytes(iv.view(), keys.iv.data());
  return keys;
}

TlsKeys::Handshake TlsKeys::schedule(std::uint16_t cipher, const Secret& shared, const Secret& transcript) {
  const Algorithms::Hash& hash = algorithms_->hash(cipher);
  const Secret handshake = extract(cipher, hash.derived, shared.view());
  return {
      .server = traffic_keys(cipher, expand_label(cipher, handshake, "s hs traffic", transcript.view(), hash.bytes)),
      .client_secret = expand_label(cipher, handshake, "c hs traffic", transcript.view(), hash.bytes)};
}

namespace {

// RFC 8446, 5.3
std::array<unsigned char, 12> nonce_of(TrafficKeys& keys) {
  std::array<unsigned char, 12> nonce{};
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = std::to_integer<unsigned char>(keys.iv[i]);
  for (std::size_t i = 0; i < 8; ++i)
    nonce[nonce.size() - 1 - i] ^= static_cast<unsigned char>(keys.sequence >> (8 * i) & 0xff);
  ++keys.sequence;
  return nonce;
}

}  // namespace

std::optional<std::size_t> TlsKeys::open(TrafficKeys& keys, std::span<const std::byte> header,
                                         std::span<const std::byte> fragment, std::span<std::byte> out) {
  if (fragment.size() <= kTag) return std::nullopt;
  EVP_CIPHER_CTX* context = algorithms_->suite(keys.cipher).open.get();
  const std::array<unsigned char, 12> nonce = nonce_of(keys);
  const std::size_t size = fragment.size() - kTag;
  SONDE_CHECK(out.size() >= size, "room for the plaintext");
  std::array<unsigned char, kTag> tag{};
  std::ranges::copy(std::span(in(fragment) + size, kTag), tag.begin());
  int written = 0;
  int rest = 0;
  const bool authentic = EVP_DecryptInit_ex2(context, nullptr, out_of(keys.key), nonce.data(), nullptr) == 1 &&
                         EVP_DecryptUpdate(context, nullptr, &rest, in(header), static_cast<int>(header.size())) == 1 &&
                         EVP_DecryptUpdate(context, out_of(out), &written, in(fragment), static_cast<int>(size)) == 1 &&
                         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
                         EVP_DecryptFinal_ex(context, out_of(out) + written, &rest) == 1;
  if (!authentic) return std::nullopt;
  return static_cast<std::size_t>(written);
}

std::span<const std::byte> TlsKeys::seal_alert(TrafficKeys& keys, std::uint8_t level, std::uint8_t alert) {
  constexpr std::size_t kHeader = 5;
  constexpr std::size_t kInner = 3;
  const std::array<unsigned char, kInner> inner = {level, alert, 21};
  const std::array<unsigned char, kHeader> header = {23, 3, 3, 0, kInner + kTag};
  EVP_CIPHER_CTX* context = algorithms_->suite(keys.cipher).seal.get();
  const std::array<unsigned char, 12> nonce = nonce_of(keys);
  unsigned char* out = out_of(record_);
  std::ranges::copy(header, out);
  int written = 0;
  int rest = 0;
  const bool sealed = EVP_EncryptInit_ex2(context, nullptr, out_of(keys.key), nonce.data(), nullptr) == 1 &&
                      EVP_EncryptUpdate(context, nullptr, &rest, header.data(), kHeader) == 1 &&
                      EVP_EncryptUpdate(context, out + kHeader, &written, inner.data(), kInner) == 1 &&
                      EVP_EncryptFinal_ex(context, out + kHeader + written, &rest) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, out + kHeader + kInner) == 1;
  SONDE_CHECK(sealed, "libcrypto cannot encrypt");
  return std::span(record_).first(kHeader + kInner + kTag);
}

std::span<const std::byte> TlsKeys::plain_alert(std::uint16_t version, std::uint8_t level, std::uint8_t alert) {
  const std::array<unsigned char, 7> record = {
      21, static_cast<unsigned char>(version >> 8), static_cast<unsigned char>(version & 0xff), 0, 2, level, alert};
  std::ranges::copy(record, out_of(record_));
  return std::span(record_).first(record.size());
}

}  // namespace sonde::probes
