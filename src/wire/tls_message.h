// TLS handshake messages of all versions (RFC 8446, 4; RFC 5246, 7.4; RFC 6101, 5.6): cutting them out of the handshake
// stream, and reading the ones that a server sends. Everything is borrowed from the bytes given; nothing allocates.
// Readers give nothing for a body that does not have the message's form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wire/byte_reader.h"
#include "wire/frame.h"

namespace sonde::wire {

enum class TlsMessageType : std::uint8_t {
  kHelloRequest = 0,
  kClientHello = 1,
  kServerHello = 2,
  kNewSessionTicket = 4,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateVerify = 15,
  kFinished = 20,
  kCertificateStatus = 22,
  kCompressedCertificate = 25,
  kMessageHash = 254,
};

// Extension numbers (the registry "TLS ExtensionType Values").
inline constexpr std::uint16_t kExtServerName = 0;
inline constexpr std::uint16_t kExtMaxFragment = 1;
inline constexpr std::uint16_t kExtStatusRequest = 5;
inline constexpr std::uint16_t kExtSupportedGroups = 10;
inline constexpr std::uint16_t kExtPointFormats = 11;
inline constexpr std::uint16_t kExtSignatureAlgorithms = 13;
inline constexpr std::uint16_t kExtAlpn = 16;
inline constexpr std::uint16_t kExtScts = 18;
inline constexpr std::uint16_t kExtPadding = 21;
inline constexpr std::uint16_t kExtExtendedMasterSecret = 23;
inline constexpr std::uint16_t kExtCompressCertificate = 27;
inline constexpr std::uint16_t kExtSessionTicket = 35;
inline constexpr std::uint16_t kExtEarlyData = 42;
inline constexpr std::uint16_t kExtSupportedVersions = 43;
inline constexpr std::uint16_t kExtCookie = 44;
inline constexpr std::uint16_t kExtPskModes = 45;
inline constexpr std::uint16_t kExtKeyShare = 51;
inline constexpr std::uint16_t kExtRenegotiationInfo = 0xff01;

struct TlsMessage {
  TlsMessageType type = TlsMessageType::kHelloRequest;
  std::span<const std::byte> body;
  std::span<const std::byte> whole;  // with its header: what a transcript hashes
};

// Frames of the handshake stream, that is of the records' fragments put together.
class TlsMessageProcessor {
 public:
  using Frame = TlsMessage;
  static constexpr std::size_t kHeader = 4;
  static constexpr std::size_t min_frame_size() { return kHeader; }

  // limit: the longest body; more is an error as soon as the header is there.
  explicit TlsMessageProcessor(std::size_t limit) : limit_(limit) {}
  ParseResult<TlsMessage> parse(std::span<const std::byte> bytes) const;

 private:
  std::size_t limit_;
};

struct TlsExtension {
  std::uint16_t type = 0;
  std::span<const std::byte> body;
};

// Walks a list of extensions. The form of the list was checked by the reader that made it.
class TlsExtensions {
 public:
  TlsExtensions() = default;
  explicit TlsExtensions(std::span<const std::byte> list) : list_(list) {}
  // Calls visit(TlsExtension) for each, in wire order.
  template <typename Visit>
  void for_each(Visit visit) const {
    ByteReader reader(list_);
    while (!reader.at_end()) {
      const std::uint16_t type = reader.u16();
      const std::span<const std::byte> body = reader.vector16();
      if (!reader.ok()) return;
      visit(TlsExtension{.type = type, .body = body});
    }
  }
  std::optional<std::span<const std::byte>> find(std::uint16_t type) const;
  bool well_formed() const;  // the list ends where an extension ends, and none comes twice

 private:
  std::span<const std::byte> list_;
};

struct TlsServerHello {
  std::uint16_t legacy_version = 0;
  std::span<const std::byte> random;  // 32 bytes
  std::span<const std::byte> session_id;
  std::uint16_t cipher = 0;
  std::uint8_t compression = 0;
  TlsExtensions extensions;

  std::uint16_t version() const;        // what was chosen: supported_versions where it is there (RFC 8446, 4.2.1)
  bool is_hello_retry() const;          // RFC 8446, 4.1.3
  bool has_downgrade_sentinel() const;  // RFC 8446, 4.1.3: the server can do better than it was asked for
  std::optional<std::uint16_t> group() const;    // of the key share, or the one that a retry asks for
  std::span<const std::byte> key_share() const;  // empty where there is none
  std::optional<std::span<const std::byte>> cookie() const;
};
std::optional<TlsServerHello> read_server_hello(std::span<const std::byte> body);
// The same for who judges nothing: what stands before the fault where the extensions, or what is behind them, are
// broken.
std::optional<TlsServerHello> read_broken_server_hello(std::span<const std::byte> body);

// EncryptedExtensions (RFC 8446, 4.3.1).
std::optional<TlsExtensions> read_encrypted_extensions(std::span<const std::byte> body);
// The one protocol that the server chose from an ALPN extension's body (RFC 7301, 3.1); empty where it has no such
// form.
std::string_view read_alpn(std::span<const std::byte> body);

// Walks the certificates of a Certificate message: leaf first, as sent.
class TlsCertificates {
 public:
  TlsCertificates(std::span<const std::byte> list, bool is_tls13) : list_(list), is_tls13_(is_tls13) {}
  bool empty() const { return list_.empty(); }
  // Calls visit(der, TlsExtensions of the entry; empty before TLS 1.3).
  template <typename Visit>
  void for_each(Visit visit) const {
    ByteReader reader(list_);
    while (!reader.at_end()) {
      const std::span<const std::byte> der = reader.vector24();
      const TlsExtensions extensions(is_tls13_ ? reader.vector16() : std::span<const std::byte>());
      if (!reader.ok()) return;
      visit(der, extensions);
    }
  }

 private:
  std::span<const std::byte> list_;
  bool is_tls13_;
};
// RFC 8446, 4.4.2 or RFC 5246, 7.4.2. An empty list is well formed. `cut_short` tells that the list ends within an
// entry: what came before it is still walked.
struct TlsCertificateMessage {
  TlsCertificates certificates;
  bool cut_short = false;
};
std::optional<TlsCertificateMessage> read_certificate(std::span<const std::byte> body, bool is_tls13);

// CertificateStatus (RFC 6066, 8), or the body of a status_request extension in a TLS 1.3 certificate entry: the OCSP
// response. Empty where it is none.
std::span<const std::byte> read_ocsp(std::span<const std::byte> body);

struct TlsSignature {
  std::uint16_t scheme = 0;  // 0: before TLS 1.2 none is named, the key's type tells
  std::span<const std::byte> signature;
};
std::optional<TlsSignature> read_certificate_verify(std::span<const std::byte> body);

struct TlsServerKeyExchange {
  std::optional<std::uint16_t> group;     // of ECDHE with a named curve (RFC 8422, 5.4)
  std::span<const std::byte> parameters;  // what is signed, behind the two randoms
  std::optional<TlsSignature> signature;  // none for anonymous suites
};
enum class TlsKeyExchange : std::uint8_t { kRsa, kDhe, kEcdhe, kOther };
// By the name of the suite: how a TLS ≤ 1.2 suite agrees on a secret. kOther: PSK, SRP, anonymous, TLS 1.3.
TlsKeyExchange key_exchange_of(std::uint16_t cipher);
std::optional<TlsServerKeyExchange> read_server_key_exchange(std::span<const std::byte> body, TlsKeyExchange how,
                                                             std::uint16_t version);

// CompressedCertificate (RFC 8879, 4).
struct TlsCompressedCertificate {
  std::uint16_t algorithm = 0;  // 1 zlib, 2 brotli, 3 zstd
  std::uint32_t size = 0;       // of the message when inflated
  std::span<const std::byte> data;
};
std::optional<TlsCompressedCertificate> read_compressed_certificate(std::span<const std::byte> body);

}  // namespace sonde::wire
