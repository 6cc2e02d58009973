// The cryptography of a lean TLS 1.3 handshake: the key agreement, the key schedule up to the handshake traffic keys
// (RFC 8446, 7.1), records opened and one sealed (5.2). libcrypto hashes and decrypts; everything is fetched once a
// worker. One thread.
//
// The probes protect no secret: nothing of ours is ever sent under these keys but an alert. So the private key is 1 in
// every group: our share is the group's generator, the shared secret is the server's own share, and the agreement costs
// nothing (docs/decisions/0012-private-key-one.md). The signature of the server proves what it always does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"

namespace sonde::probes {

// At most 48 bytes (SHA-384).
struct Secret {
  std::array<std::byte, 48> bytes{};
  std::uint8_t size = 0;
  std::span<const std::byte> view() const { return std::span(bytes).first(size); }
};

// One direction's record protection.
struct TrafficKeys {
  std::array<std::byte, 32> key{};
  std::array<std::byte, 12> iv{};
  std::uint64_t sequence = 0;  // of the next record
  std::uint16_t cipher = 0;
};

class TlsKeys {
 public:
  // Fails only where libcrypto lacks an algorithm; the error says which.
  static Parsed<std::unique_ptr<TlsKeys>> create();
  ~TlsKeys();
  TlsKeys(const TlsKeys&) = delete;
  TlsKeys& operator=(const TlsKeys&) = delete;

  // The suites of which records can be opened: 0x1301, 0x1302, 0x1303.
  static bool knows(std::uint16_t cipher) { return cipher >= 0x1301 && cipher <= 0x1303; }

  // What to send for x25519, secp256r1, secp384r1; empty for another group.
  std::span<const std::byte> share(std::uint16_t group) const;
  // The secret shared with the server's share; nothing when that has not its group's form.
  std::optional<Secret> agree(std::uint16_t group, std::span<const std::byte> peer_share) const;

  // The hash of the suite over pieces of a transcript.
  using Piece = std::span<const std::byte>;
  Secret hash(std::uint16_t cipher, std::span<const Piece> pieces);

  struct Handshake {
    TrafficKeys server;
    Secret client_secret;
  };
  // From the shared secret and the hash of ClientHello…ServerHello. REQUIRES: knows(cipher).
  Handshake schedule(std::uint16_t cipher, const Secret& shared, const Secret& transcript);
  TrafficKeys traffic_keys(std::uint16_t cipher, const Secret& secret);

  // Opens a record into `out`, which has room for the fragment; gives the size of the inner plaintext with its type
  // byte and padding, and counts the sequence on. Nothing when the record is not authentic or too short.
  std::optional<std::size_t> open(TrafficKeys& keys, std::span<const std::byte> header,
                                  std::span<const std::byte> fragment, std::span<std::byte> out);
  // An alert as a record, encrypted or plain; valid until the next call of either.
  std::span<const std::byte> seal_alert(TrafficKeys& keys, std::uint8_t level, std::uint8_t alert);
  std::span<const std::byte> plain_alert(std::uint16_t version, std::uint8_t level, std::uint8_t alert);

 private:
  TlsKeys();
  struct Algorithms;  // what libcrypto gave
  Secret extract(std::uint16_t cipher, const Secret& salt, std::span<const std::byte> key);
  Secret expand_label(std::uint16_t cipher, const Secret& secret, std::string_view label,
                      std::span<const std::byte> context, std::size_t size);
  Secret hmac(std::uint16_t cipher, std::span<const std::byte> key, std::span<const Piece> pieces);

  std::unique_ptr<Algorithms> algorithms_;
  std::array<std::byte, 64> record_{};  // the last alert
};

}  // namespace sonde::probes
