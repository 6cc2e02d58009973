// A TLS server without sockets that says exactly what a test or fuzzer tells it to: plain records and messages of any
// shape, and TLS 1.3 with true keys, so that what comes behind the key change can be wrong as well.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "probes/tls/tls_keys.h"
#include "wire/tls_bytes.h"
#include "wire/tls_client_hello_reader.h"
#include "wire/tls_names.h"

namespace sonde::probes::crafted {

using wire::extension;
using wire::hex;
using wire::TlsBytes;
using wire::u16;
using wire::u8;
using wire::vec;
using wire::operator+;  // of TlsBytes

inline TlsBytes record(std::uint8_t type, const TlsBytes& body, std::uint16_t version = wire::kTls12) {
  return u8(type) + u16(version) + vec(2, body);
}
// The bytes in as many handshake records as it takes.
inline TlsBytes handshake_records(TlsBytes bytes) {
  TlsBytes records;
  while (!bytes.empty()) {
    const std::ptrdiff_t size = std::min<std::ptrdiff_t>(std::ssize(bytes), 16384);
    records = records + record(22, TlsBytes(bytes.begin(), bytes.begin() + size));
    bytes.erase(bytes.begin(), bytes.begin() + size);
  }
  return records;
}
inline TlsBytes message(wire::TlsMessageType type, const TlsBytes& body) {
  return u8(static_cast<std::uint8_t>(type)) + vec(3, body);
}
inline TlsBytes alert(std::uint8_t level, std::uint8_t number) { return record(21, u8(level) + u8(number)); }

inline const TlsBytes& some_random() {
  static const TlsBytes random(32, std::byte{0x5a});
  return random;
}
inline const TlsBytes& retry_random() {
  static const TlsBytes random = hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
  return random;
}

struct HelloParts {
  std::uint16_t legacy_version = wire::kTls12;
  TlsBytes random = some_random();
  TlsBytes session_id;
  std::uint16_t cipher = 0xc02b;
  std::uint8_t compression = 0;
  TlsBytes extensions = {};
};
inline TlsBytes server_hello(const HelloParts& parts) {
  return message(wire::TlsMessageType::kServerHello, u16(parts.legacy_version) + parts.random +
                                                         vec(1, parts.session_id) + u16(parts.cipher) +
                                                         u8(parts.compression) + vec(2, parts.extensions));
}
inline TlsBytes selects(std::uint16_t version) { return extension(wire::kExtSupportedVersions, u16(version)); }

// One certificate again and again, in the form of the version.
inline TlsBytes certificate(const TlsBytes& der, std::size_t count, bool is_tls13) {
  TlsBytes list;
  const TlsBytes entry = vec(3, der) + (is_tls13 ? u16(0) : TlsBytes());
  for (std::size_t i = 0; i < count; ++i) list.insert(list.end(), entry.begin(), entry.end());
  return message(wire::TlsMessageType::kCertificate, (is_tls13 ? u8(0) : TlsBytes()) + vec(3, list));
}

inline TlsBytes text_der() { return wire::text("this is no certificate at all, whatever its place says"); }

// TLS 1.2 up to ServerHelloDone, with a signature that fits nothing.
inline TlsBytes plain_flight(const HelloParts& hello = {}, const TlsBytes& der = text_der(), std::size_t count = 1) {
  const TlsBytes exchange =
      u8(3) + u16(wire::kX25519) + vec(1, TlsBytes(32, std::byte{9})) + u16(0x0403) + vec(2, TlsBytes(70));
  return handshake_records(server_hello(hello) + certificate(der, count, false) +
                           message(wire::TlsMessageType::kServerKeyExchange, exchange) +
                           message(wire::TlsMessageType::kServerHelloDone, {}));
}

// A server that has heard one ClientHello, and shares keys with it.
class Server13 {
 public:
  explicit Server13(std::span<const std::byte> client_record, std::uint16_t cipher = 0x1301)
      : keys_(std::move(*TlsKeys::create())), cipher_(cipher) {
    hear(client_record);
  }

  // The hello, or the second one: what is behind its HelloRetryRequest.
  void hear(std::span<const std::byte> client_record) {
    heard_.assign(client_record.begin(), client_record.end());
    const auto hello = wire::read_client_hello(heard_);
    SONDE_CHECK(hello, "one well-formed ClientHello");
    hello_ = *hello;
  }
  TlsBytes session_id() const { return {hello_.session_id.begin(), hello_.session_id.end()}; }
  const wire::TlsClientHelloParts& hello() const { return hello_; }
  bool has_share(std::uint16_t group) const { return !client_share(group).empty(); }

  // A HelloRetryRequest for a group; with a cookie where there is one.
  TlsBytes retry(std::uint16_t group, const TlsBytes& cookie = {}) {
    const TlsBytes asked = server_hello(
        {.random = retry_random(),
         .session_id = session_id(),
         .cipher = cipher_,
         .extensions = selects(wire::kTls13) + (group == 0 ? TlsBytes() : extension(wire::kExtKeyShare, u16(group))) +
                       (cookie.empty() ? TlsBytes() : extension(wire::kExtCookie, vec(2, cookie)))});
    const Secret first = hash(client_message());
    before_ = u8(254) + vec(3, TlsBytes(first.view().begin(), first.view().end())) + asked;
    return asked;
  }

  HelloParts parts(std::uint16_t group = wire::kX25519) const {
    const auto share = keys_->share(group);
    return {.session_id = session_id(),
            .cipher = cipher_,
            .extensions = selects(wire::kTls13) +
                          extension(wire::kExtKeyShare, u16(group) + vec(2, TlsBytes(share.begin(), share.end())))};
  }

  // The ServerHello message; from here on seal() has the keys.
  TlsBytes say_hello(std::uint16_t group = wire::kX25519) {
    TlsBytes said = server_hello(parts(group));
    const Secret transcript = hash(before_ + client_message() + said);
    const auto shared = keys_->agree(group, client_share(group));
    SONDE_CHECK(shared, "the client has sent a share of this group");
    traffic_ = keys_->schedule(cipher_, *shared, transcript).server;
    return said;
  }

  // An encrypted record of `type`, with so many zeros of padding.
  TlsBytes seal(std::uint8_t type, TlsBytes inner, std::size_t padding = 0) {
    constexpr std::size_t kTag = 16;
    inner.push_back(static_cast<std::byte>(type));
    inner.resize(inner.size() + padding);
    const TlsBytes header = u8(23) + u16(wire::kTls12) + u16(inner.size() + kTag);
    std::array<std::byte, 12> nonce = traffic_.iv;
    for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::byte>(traffic_.sequence >> (8 * i) & 0xff);
    ++traffic_.sequence;
    TlsBytes sealed(inner.size() + kTag);
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    int size = 0;
    const bool done = EVP_EncryptInit_ex(context, evp(), nullptr, in(traffic_.key), in(nonce)) == 1 &&
                      EVP_EncryptUpdate(context, nullptr, &size, in(header), static_cast<int>(header.size())) == 1 &&
                      EVP_EncryptUpdate(context, out(sealed), &size, in(inner), static_cast<int>(inner.size())) == 1 &&
                      EVP_EncryptFinal_ex(context, out(sealed) + size, &size) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, out(sealed) + inner.size()) == 1;
    EVP_CIPHER_CTX_free(context);
    SONDE_CHECK(done, "libcrypto encrypts");
    return header + sealed;
  }

  // ServerHello, and these messages behind the key change.
  TlsBytes flight(const TlsBytes& messages) {
    TlsBytes said = record(22, say_hello());
    for (std::size_t at = 0; at < messages.size(); at += 16384) {
      const auto from = messages.begin() + static_cast<std::ptrdiff_t>(at);
      const auto size = std::min<std::ptrdiff_t>(messages.end() - from, 16384);
      said = said + seal(22, TlsBytes(from, from + size));
    }
    return said;
  }

 private:
  static const unsigned char* in(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
  }
  static unsigned char* out(TlsBytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
  const EVP_CIPHER* evp() const {
    return cipher_ == 0x1301 ? EVP_aes_128_gcm() : cipher_ == 0x1302 ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
  }
  TlsBytes client_message() const { return {heard_.begin() + 5, heard_.end()}; }
  Secret hash(const TlsBytes& bytes) {
    const std::array<TlsKeys::Piece, 1> pieces{bytes};
    return keys_->hash(cipher_, pieces);
  }
  std::span<const std::byte> client_share(std::uint16_t group) const {
    wire::ByteReader reader(hello_.find(wire::kExtKeyShare).value_or(std::span<const std::byte>()));
    wire::ByteReader shares(reader.vector16());
    while (!shares.at_end()) {
      const bool wanted = shares.u16() == group;
      const std::span<const std::byte> share = shares.vector16();
      if (wanted) return share;
    }
    return {};
  }

  std::unique_ptr<TlsKeys> keys_;
  std::uint16_t cipher_;
  TlsBytes heard_;
  wire::TlsClientHelloParts hello_;
  TlsBytes before_;  // of the transcript, before the last ClientHello
  TrafficKeys traffic_;
};

inline TlsBytes encrypted_extensions() { return message(wire::TlsMessageType::kEncryptedExtensions, u16(0)); }

}  // namespace sonde::probes::crafted
