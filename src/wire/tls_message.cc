#include "wire/tls_message.h"

#include <algorithm>
#include <array>

#include "wire/line.h"
#include "wire/tls_names.h"

namespace sonde::wire {
namespace {

// SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
constexpr std::array<std::uint8_t, 32> kHelloRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

// All that stands before the extensions.
std::optional<TlsServerHello> read_hello_front(ByteReader& reader) {
  TlsServerHello hello;
  hello.legacy_version = reader.u16();
  hello.random = reader.bytes(32);
  hello.session_id = reader.vector8();
  hello.cipher = reader.u16();
  hello.compression = reader.u8();
  return reader.ok() ? std::optional(hello) : std::nullopt;
}

}  // namespace

ParseResult<TlsMessage> TlsMessageProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<TlsMessage>;
  if (bytes.size() < kHeader) return Result::more(kHeader - bytes.size());
  ByteReader reader(bytes);
  const auto type = static_cast<TlsMessageType>(reader.u8());
  const std::size_t length = reader.u24();
  if (length > limit_) return Result::fail("a handshake message is too long");
  if (bytes.size() < kHeader + length) return Result::more(kHeader + length - bytes.size());
  return Result::got({.type = type, .body = bytes.subspan(kHeader, length), .whole = bytes.first(kHeader + length)},
                     kHeader + length);
}

std::optional<std::span<const std::byte>> TlsExtensions::find(std::uint16_t type) const {
  std::optional<std::span<const std::byte>> found;
  for_each([&](const TlsExtension& extension) {
    if (extension.type == type && !found) found = extension.body;
  });
  return found;
}

bool TlsExtensions::well_formed() const {
  ByteReader reader(list_);
  std::array<std::uint16_t, 64> seen{};
  std::size_t count = 0;
  while (!reader.at_end()) {
    const std::uint16_t type = reader.u16();
    (void)reader.vector16();
    if (!reader.ok() || count == seen.size()) return false;
    if (std::find(seen.begin(), seen.begin() + count, type) != seen.begin() + count) return false;
    seen[count++] = type;
  }
  return true;
}

std::uint16_t TlsServerHello::version() const {
  const auto chosen = extensions.find(kExtSupportedVersions);
  if (!chosen || chosen->size() != 2) return legacy_version;
  return ByteReader(*chosen).u16();
}

bool TlsServerHello::is_hello_retry() const {
  return std::ranges::equal(random, std::as_bytes(std::span(kHelloRetryRandom)));
}

bool TlsServerHello::has_downgrade_sentinel() const {
  if (random.size() != 32) return false;
  const std::string_view tail = as_text(random.last(8));
  return tail.substr(0, 7) == "DOWNGRD" && (tail[7] == '\x01' || tail[7] == '\x00');
}

std::optional<std::uint16_t> TlsServerHello::group() const {
  const auto share = extensions.find(kExtKeyShare);
  if (!share || share->size() < 2) return std::nullopt;
  return ByteReader(*share).u16();
}

std::span<const std::byte> TlsServerHello::key_share() const {
  const auto share = extensions.find(kExtKeyShare);
  if (!share) return {};
  ByteReader reader(*share);
  (void)reader.u16();
  const std::span<const std::byte> key = reader.vector16();
  return reader.ok() && reader.at_end() ? key : std::span<const std::byte>();
}

std::optional<std::span<const std::byte>> TlsServerHello::cookie() const {
  const auto body = extensions.find(kExtCookie);
  if (!body) return std::nullopt;
  ByteReader reader(*body);
  const std::span<const std::byte> cookie = reader.vector16();
  if (!reader.ok() || !reader.at_end() || cookie.empty()) return std::nullopt;
  return cookie;
}

std::optional<TlsServerHello> read_server_hello(std::span<const std::byte> body) {
  ByteReader reader(body);
  auto hello = read_hello_front(reader);
  if (!hello || hello->session_id.size() > 32) return std::nullopt;
  if (reader.at_end()) return hello;  // before extensions were there (RFC 5246, 7.4.1.3)
  hello->extensions = TlsExtensions(reader.vector16());
  if (!reader.ok() || !reader.at_end() || !hello->extensions.well_formed()) return std::nullopt;
  return hello;
}

std::optional<TlsServerHello> read_broken_server_hello(std::span<const std::byte> body) {
  ByteReader reader(body);
  auto hello = read_hello_front(reader);
  if (hello) hello->extensions = TlsExtensions(reader.vector16());
  return hello;
}

std::optional<TlsExtensions> read_encrypted_extensions(std::span<const std::byte> body) {
  ByteReader reader(body);
  const TlsExtensions extensions(reader.vector16());
  if (!reader.ok() || !reader.at_end() || !extensions.well_formed()) return std::nullopt;
  return extensions;
}

std::string_view read_alpn(std::span<const std::byte> body) {
  ByteReader reader(body);
  ByteReader names(reader.vector16());
  const std::span<const std::byte> name = names.vector8();
  return reader.ok() && reader.at_end() && names.ok() && names.at_end() ? as_text(name) : std::string_view();
}

std::optional<TlsCertificateMessage> read_certificate(std::span<const std::byte> body, bool is_tls13) {
  ByteReader reader(body);
  if (is_tls13) (void)reader.vector8();  // certificate_request_context
  const std::uint32_t length = reader.u24();
  if (!reader.ok()) return std::nullopt;
  const bool lies = length != reader.rest().size();
  const std::span<const std::byte> list = reader.bytes(std::min<std::size_t>(length, reader.rest().size()));
  ByteReader entries(list);
  while (!entries.at_end()) {
    (void)entries.vector24();
    if (is_tls13) (void)entries.vector16();
  }
  return TlsCertificateMessage{.certificates = TlsCertificates(list, is_tls13), .cut_short = lies || !entries.ok()};
}

std::span<const std::byte> read_ocsp(std::span<const std::byte> body) {
  ByteReader reader(body);
  const bool is_ocsp = reader.u8() == 1;
  const std::span<const std::byte> response = reader.vector24();
  return is_ocsp && reader.ok() && reader.at_end() ? response : std::span<const std::byte>();
}

std::optional<TlsSignature> read_certificate_verify(std::span<const std::byte> body) {
  ByteReader reader(body);
  TlsSignature signature;
  signature.scheme = reader.u16();
  signature.signature = reader.vector16();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return signature;
}

TlsKeyExchange key_exchange_of(std::uint16_t cipher) {
  std::string_view name = known_tls_cipher(cipher);
  if (name.starts_with("OLD_")) name.remove_prefix(4);
  if (name.find("_PSK_") != std::string_view::npos) return TlsKeyExchange::kOther;
  if (name.starts_with("TLS_ECDHE_")) return TlsKeyExchange::kEcdhe;
  if (name.starts_with("TLS_DHE_")) return TlsKeyExchange::kDhe;
  return name.starts_with("TLS_RSA_") ? TlsKeyExchange::kRsa : TlsKeyExchange::kOther;
}

std::optional<TlsServerKeyExchange> read_server_key_exchange(std::span<const std::byte> body, TlsKeyExchange how,
                                                             std::uint16_t version) {
  if (how != TlsKeyExchange::kDhe && how != TlsKeyExchange::kEcdhe) return std::nullopt;
  ByteReader reader(body);
  TlsServerKeyExchange exchange;
  if (how == TlsKeyExchange::kEcdhe) {
    constexpr std::uint8_t kNamedCurve = 3;
    if (reader.u8() != kNamedCurve) return std::nullopt;
    exchange.group = reader.u16();
    (void)reader.vector8();  // the server's point
  } else {
    for (int i = 0; i < 3; ++i) (void)reader.vector16();  // p, g, Ys
  }
  if (!reader.ok()) return std::nullopt;
  exchange.parameters = body.first(body.size() - reader.rest().size());
  TlsSignature signature;
  if (version >= kTls12) signature.scheme = reader.u16();
  signature.signature = reader.vector16();
  if (reader.ok() && reader.at_end()) exchange.signature = signature;
  return exchange;
}

std::optional<TlsCompressedCertificate> read_compressed_certificate(std::span<const std::byte> body) {
  ByteReader reader(body);
  TlsCompressedCertificate certificate;
  certificate.algorithm = reader.u16();
  certificate.size = reader.u24();
  certificate.data = reader.vector24();
  if (!reader.ok() || !reader.at_end() || certificate.data.empty()) return std::nullopt;
  return certificate;
}

}  // namespace sonde::wire
