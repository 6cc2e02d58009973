#include "wire/tls_client_hello.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/line.h"
#include "wire/tls_message.h"

namespace sonde::wire {
namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;

}  // namespace

TlsClientHello::TlsClientHello(std::uint16_t record_version, std::uint16_t legacy_version,
                               std::span<const std::uint16_t> ciphers) {
  bytes_.reserve(640);
  u8(22);
  u16(record_version);
  u16(0);  // length of the record
  u8(1);
  u8(0);
  u16(0);  // length of the message
  u16(legacy_version);
  bytes_.resize(bytes_.size() + kNonceBytes);
  u8(kNonceBytes);
  bytes_.resize(bytes_.size() + kNonceBytes);
  u16(ciphers.size() * 2);
  for (const std::uint16_t cipher : ciphers) u16(cipher);
  u8(1);  // one compression method:
  u8(0);  // null
  extensions_at_ = bytes_.size();
  u16(0);
}

void TlsClientHello::u16(std::size_t value) {
  SONDE_CHECK(value <= 0xffff, "a ClientHello holds no more");
  u8(static_cast<std::uint8_t>(value >> 8));
  u8(static_cast<std::uint8_t>(value & 0xff));
}

void TlsClientHello::set16(std::size_t at, std::size_t value) {
  SONDE_CHECK(value <= 0xffff, "a ClientHello holds no more");
  bytes_[at] = static_cast<std::byte>(value >> 8);
  bytes_[at + 1] = static_cast<std::byte>(value & 0xff);
}

TlsClientHello& TlsClientHello::raw(std::uint16_t type, std::span<const std::byte> body) {
  u16(type);
  u16(body.size());
  append(body);
  return *this;
}

TlsClientHello& TlsClientHello::server_name(std::string_view host) {
  u16(kExtServerName);
  u16(host.size() + 5);
  u16(host.size() + 3);
  u8(0);  // host_name
  u16(host.size());
  append(as_bytes(host));
  return *this;
}

TlsClientHello& TlsClientHello::numbers(std::uint16_t type, std::span<const std::uint16_t> list,
                                        std::size_t length_bytes) {
  u16(type);
  u16(list.size() * 2 + length_bytes);
  if (length_bytes == 1) {
    SONDE_CHECK(list.size() <= 127, "the length of this list is one byte");
    u8(static_cast<std::uint8_t>(list.size() * 2));
  } else {
    u16(list.size() * 2);
  }
  for (const std::uint16_t number : list) u16(number);
  return *this;
}

TlsClientHello& TlsClientHello::groups(std::span<const std::uint16_t> groups) {
  return numbers(kExtSupportedGroups, groups, 2);
}
TlsClientHello& TlsClientHello::signature_algorithms(std::span<const std::uint16_t> list) {
  return numbers(kExtSignatureAlgorithms, list, 2);
}
TlsClientHello& TlsClientHello::supported_versions(std::span<const std::uint16_t> list) {
  return numbers(kExtSupportedVersions, list, 1);
}

TlsClientHello& TlsClientHello::key_shares(std::span<const TlsKeyShare> shares) {
  std::size_t length = 0;
  for (const TlsKeyShare& share : shares) length += 4 + share.key.size();
  u16(kExtKeyShare);
  u16(length + 2);
  u16(length);
  for (const TlsKeyShare& share : shares) {
    u16(share.group);
    u16(share.key.size());
    append(share.key);
  }
  return *this;
}

TlsClientHello& TlsClientHello::alpn(std::span<const std::string_view> protocols) {
  std::size_t length = 0;
  for (const std::string_view protocol : protocols) length += 1 + protocol.size();
  u16(kExtAlpn);
  u16(length + 2);
  u16(length);
  for (const std::string_view protocol : protocols) {
    SONDE_CHECK(!protocol.empty() && protocol.size() <= 255, "a protocol's name has 1 to 255 bytes");
    u8(static_cast<std::uint8_t>(protocol.size()));
    append(as_bytes(protocol));
  }
  return *this;
}

TlsClientHello& TlsClientHello::cookie(std::span<const std::byte> cookie) {
  u16(kExtCookie);
  u16(cookie.size() + 2);
  u16(cookie.size());
  append(cookie);
  return *this;
}

TlsClientHello& TlsClientHello::point_formats() {
  constexpr std::array kUncompressed = {std::byte{1}, std::byte{0}};
  return raw(kExtPointFormats, kUncompressed);
}

TlsClientHello& TlsClientHello::renegotiation_info() {
  constexpr std::array kInitial = {std::byte{0}};
  return raw(kExtRenegotiationInfo, kInitial);
}

TlsClientHello& TlsClientHello::status_request() {
  constexpr std::array kOcsp = {std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
  return raw(kExtStatusRequest, kOcsp);
}

TlsClientHello& TlsClientHello::psk_modes(std::uint8_t mode) {
  const std::array modes = {std::byte{1}, std::byte{mode}};
  return raw(kExtPskModes, modes);
}

TlsClientHello& TlsClientHello::compress_certificate() {
  constexpr auto kAlgorithms = std::to_array<std::uint16_t>({2, 1, 3});
  return numbers(kExtCompressCertificate, kAlgorithms, 1);
}

TlsClientHello& TlsClientHello::padding() {
  const std::size_t size = bytes_.size() - kRecordHeader;
  if (size < 256 || size >= 512) return *this;
  const std::size_t missing = 512 - size;
  const std::vector<std::byte> zeros(missing > 4 ? missing - 4 : 0);
  return raw(kExtPadding, zeros);
}

std::span<const std::byte> TlsClientHello::finish() {
  set16(3, bytes_.size() - kRecordHeader);
  set16(kRecordHeader + 2, bytes_.size() - kRecordHeader - kMessageHeader);
  set16(extensions_at_, bytes_.size() - extensions_at_ - 2);
  return bytes_;
}

void TlsClientHello::patch_nonces(std::span<const std::byte, kNonceBytes> random,
                                  std::span<const std::byte, kNonceBytes> session_id) {
  copy_bytes(random, bytes_.data() + kRandomAt);
  copy_bytes(session_id, bytes_.data() + kSessionIdAt);
}

}  // namespace sonde::wire
