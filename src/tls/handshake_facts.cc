#include "tls/handshake_facts.h"

#include <algorithm>
#include <array>
#include <optional>

namespace sonde::tls {
namespace {

using Bytes = std::span<const std::byte>;

// RFC 8446, 4.1.3: the random that makes a ServerHello a HelloRetryRequest (SHA-256 of "HelloRetryRequest").
constexpr std::array<std::uint8_t, 32> kRetryRandom = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                       0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                       0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

enum HandshakeType : std::uint8_t {
  kServerHello = 2,
  kCertificate = 11,
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateStatus = 22,
};
enum ExtensionType : std::uint16_t {
  kStatusRequest = 5,
  kSignedCertificateTimestamp = 18,
  kSupportedVersions = 43,
  kKeyShare = 51,
};
constexpr std::byte kNamedCurve{3};  // RFC 8422, 5.4
constexpr std::byte kOcsp{1};        // RFC 6066, 8: CertificateStatusType

// Takes from the front. A cursor that ran dry stays dry: everything after it is nothing.
struct Cursor {
  Bytes rest;

  std::optional<std::uint32_t> number(std::size_t width) {
    if (rest.size() < width) {
      rest = {};
      return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const std::byte byte : rest.first(width)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    rest = rest.subspan(width);
    return value;
  }
  std::optional<Bytes> bytes(std::size_t count) {
    if (rest.size() < count) {
      rest = {};
      return std::nullopt;
    }
    const Bytes taken = rest.first(count);
    rest = rest.subspan(count);
    return taken;
  }
  std::optional<Bytes> vector(std::size_t width) {  // a length of `width` bytes, then as many bytes
    const auto length = number(width);
    return length ? bytes(*length) : std::nullopt;
  }
};

struct Extension {
  std::uint16_t type;
  Bytes data;
};

std::optional<Extension> next_extension(Cursor& list) {
  const auto type = list.number(2);
  const auto data = list.vector(2);
  if (!type || !data) return std::nullopt;
  return Extension{static_cast<std::uint16_t>(*type), *data};
}

std::uint16_t number_in(Bytes data) { return static_cast<std::uint16_t>(Cursor{data}.number(2).value_or(0)); }

// The opaque response<1..2^24-1> behind a status_type of ocsp.
Bytes ocsp_response(Bytes status) {
  Cursor cursor{status};
  const auto type = cursor.bytes(1);
  if (!type || type->front() != kOcsp) return {};
  return cursor.vector(3).value_or(Bytes());
}

// The entries of a Certificate message: TLS 1.3 has a context before them and extensions in each.
Cursor certificate_entries(Bytes body, bool tls13) {
  Cursor message{body};
  if (tls13 && !message.vector(1)) return {};
  return {message.vector(3).value_or(Bytes())};
}

Bytes leaf_extension(Bytes body, std::uint16_t type) {
  Cursor entries = certificate_entries(body, true);
  if (!entries.vector(3)) return {};
  Cursor list{entries.vector(2).value_or(Bytes())};
  while (const auto extension = next_extension(list))
    if (extension->type == type) return extension->data;
  return {};
}

}  // namespace

void HandshakeFacts::on_message(Bytes message) {
  Cursor cursor{message};
  const auto type = cursor.number(1);
  const auto body = cursor.vector(3);
  if (!type || !body) return;
  switch (*type) {
    case kServerHello:
      read_server_hello(*body);
      break;
    case kCertificate:
      if (certificate_.empty()) certificate_.assign(body->begin(), body->end());
      all_told_ = version_ >= 0x0304;
      break;
    case kServerKeyExchange:
      if (body->size() > 3 && body->front() == kNamedCurve) exchange_group_ = number_in(body->subspan(1));
      break;
    case kCertificateRequest:
      client_cert_requested_ = true;
      break;
    case kServerHelloDone:
      all_told_ = true;
      break;
    case kCertificateStatus:
      if (status_.empty()) status_.assign(body->begin(), body->end());
      break;
    default:
      break;
  }
}

void HandshakeFacts::read_server_hello(Bytes body) {
  Cursor hello{body};
  const auto legacy_version = hello.number(2);
  const auto random = hello.bytes(kRetryRandom.size());
  const auto session_id = hello.vector(1);
  const auto cipher = hello.number(2);
  const auto compression = hello.number(1);
  if (!legacy_version || !random || !session_id || !cipher || !compression) return;
  server_hello_ = true;
  if (std::ranges::equal(*random, std::as_bytes(std::span(kRetryRandom)))) hello_retry_ = true;
  legacy_version_ = version_ = static_cast<std::uint16_t>(*legacy_version);
  cipher_ = static_cast<std::uint16_t>(*cipher);
  hello_group_ = 0;
  extensions_.clear();
  hello_scts_.clear();

  Cursor list{hello.vector(2).value_or(Bytes())};
  while (const auto extension = next_extension(list)) {
    if (extensions_.size() < kExtensionsMax) extensions_.push_back(extension->type);
    if (extension->type == kSupportedVersions && extension->data.size() == 2) version_ = number_in(extension->data);
    if (extension->type == kKeyShare) hello_group_ = number_in(extension->data);
    if (extension->type == kSignedCertificateTimestamp)
      hello_scts_.assign(extension->data.begin(), extension->data.end());
  }
}

std::vector<Bytes> HandshakeFacts::chain() const {
  std::vector<Bytes> chain;
  const bool tls13 = version_ >= 0x0304;
  Cursor entries = certificate_entries(certificate_, tls13);
  while (chain.size() < kCertificatesMax) {
    const auto certificate = entries.vector(3);
    if (!certificate || certificate->empty()) break;
    chain.push_back(*certificate);
    if (tls13 && !entries.vector(2)) break;
  }
  return chain;
}

Bytes HandshakeFacts::stapled_ocsp() const {
  return ocsp_response(version_ >= 0x0304 ? leaf_extension(certificate_, kStatusRequest) : Bytes(status_));
}

Bytes HandshakeFacts::scts() const {
  return version_ >= 0x0304 ? leaf_extension(certificate_, kSignedCertificateTimestamp) : Bytes(hello_scts_);
}

}  // namespace sonde::tls
