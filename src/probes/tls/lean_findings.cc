// What the messages that a lean handshake keeps tell: its findings, its transcript, and the server's proof that it has
// the key. Messages are read again each time, so that nothing but their place is kept. Its course is in
// lean_handshake.cc.
#include "base/check.h"
#include "probes/tls/lean_handshake.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kRecordHeader = wire::TlsRecordProcessor::kHeader;

}  // namespace

std::uint16_t LeanHandshake::cipher() const {
  const auto hello = wire::read_server_hello(at(hello_));
  return hello ? hello->cipher : std::uint16_t{0};
}

std::optional<wire::TlsCertificateMessage> LeanHandshake::certificate() const {
  if (!has_certificate_) return std::nullopt;
  const std::span<const std::byte> inflated = inflated_.bytes().first(inflated_size_);
  return wire::read_certificate(inflated_size_ > 0 ? inflated : at(certificate_), is_tls13());
}

TlsFindings LeanHandshake::findings() const {
  TlsFindings found;
  found.version = version_;
  if (alerted_) found.alert = alert_;
  if (flight_ended_) found.client_cert_requested = certificate_requested_;
  if (group_ != 0 && (encrypted_ || retry_end_ > 0 || key_exchange_.size > 0)) found.group = group_;
  if (hello_.size == 0) return found;
  const auto hello = wire::read_server_hello(at(hello_));
  if (!hello) return found;
  found.cipher = hello->cipher;
  found.hello_retry = retry_end_ > 0;
  found.hello_version = hello->legacy_version;
  hello->extensions.for_each([&](const wire::TlsExtension& e) { found.hello_extensions.push_back(e.type); });
  const wire::TlsExtensions told =
      is_tls13() ? wire::read_encrypted_extensions(at(extensions_)).value_or(wire::TlsExtensions()) : hello->extensions;
  if (const auto alpn = told.find(wire::kExtAlpn)) found.alpn = wire::read_alpn(*alpn);
  if (!is_tls13()) {
    if (const auto scts = told.find(wire::kExtScts)) found.scts = *scts;
    found.ocsp = wire::read_ocsp(at(status_));
  }
  if (const auto message = certificate()) {
    message->certificates.for_each([&](std::span<const std::byte> der, const wire::TlsExtensions& entry) {
      if (found.chain.empty() && is_tls13()) {
        if (const auto ocsp = entry.find(wire::kExtStatusRequest)) found.ocsp = wire::read_ocsp(*ocsp);
        if (const auto scts = entry.find(wire::kExtScts)) found.scts = *scts;
      }
      if (found.chain.size() < kMostChain) found.chain.push_back(der);
    });
  }
  if (flight_ended_) found.ocsp_stapled = !found.ocsp.empty();
  return found;
}

// The hash of all messages up to `end` of the stream, both sides' (RFC 8446, 4.4.1).
Secret LeanHandshake::transcript(LeanWorkshop& shop, std::size_t end) const {
  const auto hello = wire::read_server_hello(at(hello_));
  SONDE_CHECK(hello, "a transcript begins with hellos");
  const std::uint16_t cipher = hello->cipher;
  const std::span<const std::byte> all = stream().first(end);
  const std::span<const std::byte> first = shop.hellos.first(seed_, shop.server_name).subspan(kRecordHeader);
  if (retry_end_ == 0) {
    const std::array<TlsKeys::Piece, 2> pieces{first, all};
    return shop.keys.hash(cipher, pieces);
  }
  const std::array<TlsKeys::Piece, 1> only_first{first};
  const Secret first_hash = shop.keys.hash(cipher, only_first);
  const std::array header = {static_cast<std::byte>(wire::TlsMessageType::kMessageHash), std::byte{0}, std::byte{0},
                             static_cast<std::byte>(first_hash.size)};
  const std::span<const std::byte> retry = all.first(retry_end_);
  const auto asked = wire::read_server_hello(retry.subspan(wire::TlsMessageProcessor::kHeader));
  const std::span<const std::byte> cookie =
      asked ? asked->cookie().value_or(std::span<const std::byte>()) : std::span<const std::byte>();
  const std::span<const std::byte> second =
      shop.hellos.second(seed_, shop.server_name, group_, cookie).subspan(kRecordHeader);
  const std::array<TlsKeys::Piece, 5> pieces{header, first_hash.view(), retry, second, all.subspan(retry_end_)};
  return shop.keys.hash(cipher, pieces);
}

std::optional<HandshakeProof> LeanHandshake::proof(LeanWorkshop& shop) const {
  HandshakeProof proof;
  const auto append = [&](std::span<const std::byte> bytes) {
    proof.content.insert(proof.content.end(), bytes.begin(), bytes.end());
  };
  if (is_tls13()) {
    if (verify_.size == 0) return std::nullopt;
    const auto signature = wire::read_certificate_verify(at(verify_));
    if (!signature) return std::nullopt;
    proof.scheme = signature->scheme;
    proof.signature = signature->signature;
    // RFC 8446, 4.4.3
    constexpr std::string_view kContext("TLS 1.3, server CertificateVerify\0", 34);
    proof.content.assign(64, std::byte{' '});
    append(std::as_bytes(std::span(kContext)));
    append(transcript(shop, verify_.at - wire::TlsMessageProcessor::kHeader).view());
    return proof;
  }
  const auto hello = wire::read_server_hello(at(hello_));
  if (!hello || key_exchange_.size == 0) return std::nullopt;
  const auto exchange =
      wire::read_server_key_exchange(at(key_exchange_), wire::key_exchange_of(hello->cipher), version_);
  if (!exchange || !exchange->signature) return std::nullopt;
  proof.scheme = exchange->signature->scheme;
  proof.signature = exchange->signature->signature;
  const std::array<std::byte, 64> nonces = nonces_of(seed_);
  append(std::span(nonces).first<32>());  // client_random, server_random, parameters (RFC 5246, 7.4.3)
  append(hello->random);
  append(exchange->parameters);
  return proof;
}

}  // namespace sonde::probes
