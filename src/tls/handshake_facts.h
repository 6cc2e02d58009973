// What a server's handshake messages say, read from the raw messages (RFC 8446, 4; RFC 5246, 7.4) as they pass by: the
// facts that OpenSSL does not give or loses when the handshake fails later. It judges nothing: a message that is not
// well formed yields what comes before its fault, and whether the handshake stands is OpenSSL's verdict.
// One thread. Bounds: kExtensionsMax extension numbers, kCertificatesMax certificates, and the one Certificate and the
// one CertificateStatus message that are kept are as long as the session lets messages be; the first of each counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sonde::tls {

class HandshakeFacts {
 public:
  static constexpr std::size_t kExtensionsMax = 256;
  static constexpr std::size_t kCertificatesMax = 256;

  // A whole handshake message of the server with its header of four bytes, in clear. Borrowed for the call.
  void on_message(std::span<const std::byte> message);

  bool server_hello() const { return server_hello_; }
  bool hello_retry() const { return hello_retry_; }
  bool client_cert_requested() const { return client_cert_requested_; }
  // What the server has not asked for or stapled by then it will not: from the Certificate on in TLS 1.3, where both
  // come with or before it, from ServerHelloDone on before.
  bool all_told() const { return all_told_; }
  std::uint16_t version() const { return version_; }                // the chosen one; 0 before a ServerHello
  std::uint16_t legacy_version() const { return legacy_version_; }  // the ServerHello's own field, for JA3S
  std::uint16_t cipher() const { return cipher_; }                  // 0 before a ServerHello
  std::uint16_t hello_group() const { return hello_group_; }        // key_share of the ServerHello; 0 for none
  std::uint16_t exchange_group() const { return exchange_group_; }  // ServerKeyExchange that may be ECDHE's; 0 for none
  std::span<const std::uint16_t> extensions() const { return extensions_; }  // of the last ServerHello, wire order

  // DER, in wire order, the leaf first. Empty when there was no Certificate message (a resumed session has none).
  std::vector<std::span<const std::byte>> chain() const;
  std::span<const std::byte> stapled_ocsp() const;  // DER of the leaf's OCSPResponse; empty for none
  std::span<const std::byte> scts() const;          // SignedCertificateTimestampList (RFC 6962, 3.3); empty for none

 private:
  void read_server_hello(std::span<const std::byte> body);
  bool is_tls13() const;

  bool server_hello_ = false;
  bool hello_retry_ = false;
  bool client_cert_requested_ = false;
  bool all_told_ = false;
  std::uint16_t version_ = 0;
  std::uint16_t legacy_version_ = 0;
  std::uint16_t cipher_ = 0;
  std::uint16_t hello_group_ = 0;
  std::uint16_t exchange_group_ = 0;
  std::vector<std::uint16_t> extensions_;
  std::vector<std::byte> certificate_;  // body of the Certificate message
  std::vector<std::byte> status_;       // body of TLS 1.2's CertificateStatus
  std::vector<std::byte> hello_scts_;   // of a TLS 1.2 ServerHello
};

}  // namespace sonde::tls
