// Writes ClientHellos: a record with one handshake message (RFC 8446, 4.1.2), the extensions in the order of the calls.
// The random and the session id lie at fixed places, so that a finished hello serves as a template (see kRandomAt).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sonde::wire {

struct TlsKeyShare {
  std::uint16_t group = 0;
  std::span<const std::byte> key;
};

class TlsClientHello {
 public:
  // Offsets in the finished bytes: 32 bytes of random, 32 of session id.
  static constexpr std::size_t kRandomAt = 11;
  static constexpr std::size_t kSessionIdAt = 44;
  static constexpr std::size_t kNonceBytes = 32;

  // random and session id are zeros until they are patched. Suites in wire order; null compression.
  TlsClientHello(std::uint16_t record_version, std::uint16_t legacy_version, std::span<const std::uint16_t> ciphers);

  // Extensions, each appended where it is called.
  TlsClientHello& raw(std::uint16_t type, std::span<const std::byte> body);
  TlsClientHello& flag(std::uint16_t type) { return raw(type, {}); }
  TlsClientHello& server_name(std::string_view host);                         // RFC 6066, 3
  TlsClientHello& groups(std::span<const std::uint16_t> groups);              // RFC 8446, 4.2.7
  TlsClientHello& signature_algorithms(std::span<const std::uint16_t> list);  // RFC 8446, 4.2.3
  TlsClientHello& supported_versions(std::span<const std::uint16_t> list);    // RFC 8446, 4.2.1
  TlsClientHello& key_shares(std::span<const TlsKeyShare> shares);            // RFC 8446, 4.2.8
  TlsClientHello& alpn(std::span<const std::string_view> protocols);          // RFC 7301, 3.1
  TlsClientHello& cookie(std::span<const std::byte> cookie);                  // RFC 8446, 4.2.2
  TlsClientHello& point_formats();                                            // RFC 8422, 5.1.2: uncompressed
  TlsClientHello& renegotiation_info();                                       // RFC 5746, 3.2: an initial handshake
  TlsClientHello& status_request();                                           // RFC 6066, 8: OCSP
  TlsClientHello& psk_modes(std::uint8_t mode);                               // RFC 8446, 4.2.9
  TlsClientHello& compress_certificate();                                     // RFC 8879, 3: zlib, brotli, zstd
  // Some servers drop hellos of 256 to 511 bytes: they are brought to 512 (RFC 7685).
  TlsClientHello& padding();

  // Sets the lengths and gives the record. The object stays as it is: more extensions may follow, and another finish.
  std::span<const std::byte> finish();
  void patch_nonces(std::span<const std::byte, kNonceBytes> random, std::span<const std::byte, kNonceBytes> session_id);

 private:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }
  void u16(std::size_t value);
  void set16(std::size_t at, std::size_t value);
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  TlsClientHello& numbers(std::uint16_t type, std::span<const std::uint16_t> list, std::size_t length_bytes);

  std::vector<std::byte> bytes_;
  std::size_t extensions_at_ = 0;  // of the extensions' length
};

}  // namespace sonde::wire
