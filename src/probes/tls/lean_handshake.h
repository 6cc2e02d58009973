// The lean handshake: as much of a TLS handshake as it takes to learn what a server tells of itself, and no more. Up to
// TLS 1.2 everything up to ServerHelloDone is in the clear; TLS 1.3 takes one key agreement and opens the server's
// flight up to its Certificate (RFC 8446, 2). Then it says farewell; no handshake is completed.
//
// Sans-IO: bytes in, bytes out, in any cutting. While the server is silent it holds no buffer; what comes is kept in
// lent ones, at most kMostHandshake. Everything that was learned before a failure stays there to be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memory/ring_pool.h"
#include "probes/tls/lean_hello.h"
#include "probes/tls/tls_keys.h"
#include "results/outcome.h"
#include "wire/tls_message.h"
#include "wire/tls_record.h"

namespace sonde::probes {

// What a worker lends to its handshakes for a call.
struct LeanWorkshop {
  TlsKeys& keys;
  LeanHellos& hellos;
  memory::RingPool& pool;
  std::string_view server_name;  // empty: none is sent
};

// A signature by the server's key over the handshake, to be checked against its certificate.
struct HandshakeProof {
  std::uint16_t scheme = 0;  // RFC 8446, 4.2.3; 0: before TLS 1.2, by the type of the key
  std::vector<std::byte> content;
  std::span<const std::byte> signature;
};

// What a handshake has shown so far; spans borrow from the handshake. Empty optionals: not known.
struct TlsFindings {
  std::uint16_t version = 0;  // 0: none was told
  std::optional<std::uint16_t> cipher;
  std::optional<std::uint16_t> group;
  std::string_view alpn;
  std::optional<bool> hello_retry;
  std::optional<std::uint8_t> alert;  // received, and it ended the handshake
  std::optional<bool> client_cert_requested;
  std::optional<bool> ocsp_stapled;
  std::span<const std::byte> ocsp;  // the stapled response
  std::span<const std::byte> scts;  // the body of the extension
  std::uint16_t hello_version = 0;  // legacy_version of the ServerHello
  std::vector<std::uint16_t> hello_extensions;
  std::vector<std::span<const std::byte>> chain;  // DER, leaf first
};

class LeanHandshake {
 public:
  static constexpr std::size_t kMostHandshake = std::size_t{256} << 10;
  static constexpr std::size_t kMostChain = 128;    // certificates that are looked at
  static constexpr unsigned kMostIdleRecords = 32;  // that carry nothing on: empty ones, warnings, ChangeCipherSpecs

  struct Progress {
    enum class Kind : std::uint8_t { kMore, kSend, kDone, kFailed };
    Kind kind = Kind::kMore;
    std::span<const std::byte> bytes;  // kSend; valid until the next call
    results::Outcome outcome = results::Outcome::kSuccess;
    const char* error = "";
  };

  // seed: of its nonces. with_proof: go on to the server's signature.
  LeanHandshake(std::uint64_t seed, bool with_proof) : seed_(seed), with_proof_(with_proof) {}

  std::span<const std::byte> start(LeanWorkshop& shop) { return shop.hellos.first(seed_, shop.server_name); }
  // Behind kDone or kFailed nothing is looked at any more.
  Progress on_bytes(LeanWorkshop& shop, std::span<const std::byte> bytes);
  // What a polite client sends before it leaves, whatever the state; empty when nothing fits. Valid until the next
  // call.
  std::span<const std::byte> farewell(LeanWorkshop& shop);

  bool heard_tls() const { return heard_tls_; }  // at least one whole record
  TlsFindings findings() const;
  std::optional<HandshakeProof> proof(LeanWorkshop& shop) const;

 private:
  enum class State : std::uint8_t {
    kServerHello,
    kEncryptedExtensions,
    kCertificate,
    kCertificateVerify,
    kPlainFlight
  };
  // A message's body in stream_.
  struct Place {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };

  Progress hear(LeanWorkshop& shop, std::span<const std::byte> bytes);
  Progress take_records(LeanWorkshop& shop, std::span<const std::byte> bytes, std::size_t& consumed);
  Progress on_record(LeanWorkshop& shop, const wire::TlsRecord& record);
  Progress on_encrypted(LeanWorkshop& shop, const wire::TlsRecord& record);
  Progress on_alert(std::span<const std::byte> fragment, std::uint16_t record_version);
  Progress idle_record();
  Progress on_stream(LeanWorkshop& shop);
  Progress on_message(LeanWorkshop& shop, const wire::TlsMessage& message);
  Progress on_server_hello(LeanWorkshop& shop, const wire::TlsMessage& message);
  Progress on_hello_retry(LeanWorkshop& shop, const wire::TlsServerHello& hello);
  Progress begin_decrypting(LeanWorkshop& shop, const wire::TlsServerHello& hello);
  Progress on_certificate(LeanWorkshop& shop, const wire::TlsMessage& message);
  Progress on_plain_flight(LeanWorkshop& shop, const wire::TlsMessage& message);
  Progress done() const;
  Progress failed(std::uint8_t alert, const char* error);
  Progress not_tls(std::span<const std::byte> bytes) const;

  std::span<std::byte> reserve(LeanWorkshop& shop, std::size_t size);
  std::span<const std::byte> stream() const { return stream_.bytes().first(stream_size_); }
  std::span<const std::byte> at(Place place) const { return stream().subspan(place.at, place.size); }
  Place place_of(std::span<const std::byte> part) const;
  std::optional<wire::TlsCertificateMessage> certificate() const;
  Secret transcript(LeanWorkshop& shop, std::size_t end) const;
  std::uint16_t cipher() const;
  bool is_tls13() const { return version_ == wire::kTls13; }

  std::uint64_t seed_;
  memory::Lease pending_;   // an incomplete record
  memory::Lease stream_;    // the handshake messages so far, one behind the other
  memory::Lease inflated_;  // the Certificate, when it came compressed
  std::uint32_t pending_size_ = 0;
  std::uint32_t stream_size_ = 0;
  std::uint32_t parsed_ = 0;     // of stream_
  std::uint32_t retry_end_ = 0;  // of the HelloRetryRequest; 0: there was none
  std::uint32_t inflated_size_ = 0;
  Place hello_, extensions_, certificate_, status_, key_exchange_, verify_;
  TrafficKeys server_keys_;
  Secret client_secret_;
  std::uint16_t version_ = 0;
  std::uint16_t group_ = 0;
  State state_ = State::kServerHello;
  bool with_proof_;
  bool heard_tls_ = false;
  bool over_ = false;
  bool encrypted_ = false;
  bool downgraded_ = false;
  bool certificate_requested_ = false;
  bool flight_ended_ = false;  // up to where a request for a certificate would have come
  bool has_certificate_ = false;
  bool alerted_ = false;
  std::uint8_t alert_ = 0;     // received
  std::uint8_t farewell_ = 0;  // close_notify, or the fatal alert to send
  bool says_farewell_ = true;
  std::uint8_t idle_records_ = 0;
  std::uint8_t messages_ = 0;
};

}  // namespace sonde::probes
