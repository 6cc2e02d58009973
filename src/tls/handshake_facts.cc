#include "tls/handshake_facts.h"

#include "wire/tls_message.h"
#include "wire/tls_names.h"

namespace sonde::tls {
namespace {

using Bytes = std::span<const std::byte>;
using wire::TlsMessageType;

// The certificate_list of a Certificate message; nothing when it is shorter than it says.
Bytes certificate_list(Bytes body, bool is_tls13) {
  wire::ByteReader reader(body);
  if (is_tls13) (void)reader.vector8();  // certificate_request_context
  return reader.vector24();
}

Bytes leaf_extension(Bytes body, std::uint16_t type) {
  wire::ByteReader list(certificate_list(body, true));
  (void)list.vector24();
  return wire::TlsExtensions(list.vector16()).find(type).value_or(Bytes());
}

}  // namespace

void HandshakeFacts::on_message(Bytes message) {
  wire::ByteReader reader(message);
  const auto type = static_cast<TlsMessageType>(reader.u8());
  const Bytes body = reader.vector24();
  if (!reader.ok()) return;
  switch (type) {
    case TlsMessageType::kServerHello:
      read_server_hello(body);
      break;
    case TlsMessageType::kCertificate:
      if (certificate_.empty()) certificate_.assign(body.begin(), body.end());
      all_told_ = is_tls13();
      break;
    case TlsMessageType::kServerKeyExchange:
      // Any may be ECDHE's: whether the suite is one, OpenSSL knows best.
      if (const auto exchange = wire::read_server_key_exchange(body, wire::TlsKeyExchange::kEcdhe, version_))
        exchange_group_ = exchange->group.value_or(0);
      break;
    case TlsMessageType::kCertificateRequest:
      client_cert_requested_ = true;
      break;
    case TlsMessageType::kServerHelloDone:
      all_told_ = true;
      break;
    case TlsMessageType::kCertificateStatus:
      if (status_.empty()) status_.assign(body.begin(), body.end());
      break;
    default:
      break;
  }
}

void HandshakeFacts::read_server_hello(Bytes body) {
  const auto hello = wire::read_broken_server_hello(body);
  if (!hello) return;
  server_hello_ = true;
  if (hello->is_hello_retry()) hello_retry_ = true;
  legacy_version_ = hello->legacy_version;
  version_ = hello->version();
  cipher_ = hello->cipher;
  hello_group_ = hello->group().value_or(0);
  extensions_.clear();
  hello->extensions.for_each([this](const wire::TlsExtension& extension) {
    if (extensions_.size() < kExtensionsMax) extensions_.push_back(extension.type);
  });
  const Bytes scts = hello->extensions.find(wire::kExtScts).value_or(Bytes());
  hello_scts_.assign(scts.begin(), scts.end());
}

bool HandshakeFacts::is_tls13() const { return version_ >= wire::kTls13; }

std::vector<Bytes> HandshakeFacts::chain() const {
  std::vector<Bytes> chain;
  wire::ByteReader list(certificate_list(certificate_, is_tls13()));
  while (chain.size() < kCertificatesMax) {
    const Bytes certificate = list.vector24();
    if (certificate.empty()) break;
    chain.push_back(certificate);
    if (is_tls13()) (void)list.vector16();
  }
  return chain;
}

Bytes HandshakeFacts::stapled_ocsp() const {
  return wire::read_ocsp(is_tls13() ? leaf_extension(certificate_, wire::kExtStatusRequest) : Bytes(status_));
}

Bytes HandshakeFacts::scts() const {
  return is_tls13() ? leaf_extension(certificate_, wire::kExtScts) : Bytes(hello_scts_);
}

}  // namespace sonde::tls
