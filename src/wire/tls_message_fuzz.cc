// The handshake stream cut anywhere, and every reader of a body on every body, whatever its type says.
#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/line.h"
#include "wire/tls_message.h"
#include "wire/tls_names.h"

namespace {

using namespace sonde::wire;  // NOLINT(google-build-using-namespace): a fuzzer of this one folder

std::size_t sum = 0;  // every byte that a reader gives is read, so that a wrong span is seen

void touch(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) sum += std::to_integer<std::size_t>(byte);
}
void touch(const TlsExtensions& extensions) {
  std::size_t count = 0;
  extensions.for_each([&](const TlsExtension& extension) {
    touch(extension.body);
    sum += read_alpn(extension.body).size();
    touch(read_ocsp(extension.body));
    ++count;
  });
  SONDE_CHECK(!extensions.well_formed() || count <= 64, "a well-formed list is bounded");
}

void read_hello(std::span<const std::byte> body) {
  const auto broken = read_broken_server_hello(body);
  if (broken) touch(broken->extensions);
  const auto hello = read_server_hello(body);
  if (!hello) return;
  SONDE_CHECK(broken && broken->version() == hello->version(), "what is well formed is read the same");
  SONDE_CHECK(hello->random.size() == 32 && hello->session_id.size() <= 32, "a hello has its form");
  SONDE_CHECK(hello->extensions.well_formed(), "the reader checks the list");
  touch(hello->extensions);
  touch(hello->key_share());
  touch(hello->cookie().value_or(std::span<const std::byte>()));
  sum += hello->version() + hello->group().value_or(0) + (hello->is_hello_retry() ? 1 : 0) +
         (hello->has_downgrade_sentinel() ? 1 : 0);
}

void read_certificates(std::span<const std::byte> body, bool is_tls13) {
  const auto message = read_certificate(body, is_tls13);
  if (!message) return;
  std::size_t total = 0;
  message->certificates.for_each([&](std::span<const std::byte> der, const TlsExtensions& extensions) {
    total += der.size();
    touch(der);
    touch(extensions);
  });
  SONDE_CHECK(total <= body.size(), "certificates lie in the body");
}

void read_all(std::span<const std::byte> body) {
  read_hello(body);
  read_certificates(body, false);
  read_certificates(body, true);
  if (const auto extensions = read_encrypted_extensions(body)) touch(*extensions);
  touch(read_ocsp(body));
  sum += read_alpn(body).size();
  if (const auto verify = read_certificate_verify(body)) touch(verify->signature);
  if (const auto certificate = read_compressed_certificate(body)) touch(certificate->data);
  for (const TlsKeyExchange how :
       {TlsKeyExchange::kRsa, TlsKeyExchange::kDhe, TlsKeyExchange::kEcdhe, TlsKeyExchange::kOther}) {
    for (const std::uint16_t version : {kTls10, kTls12}) {
      const auto exchange = read_server_key_exchange(body, how, version);
      if (!exchange) continue;
      touch(exchange->parameters);
      if (exchange->signature) touch(exchange->signature->signature);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  check_cut_anywhere(TlsMessageProcessor(4096), bytes, [](const auto& a, const auto& b) {
    return a.type == b.type && as_text(a.body) == as_text(b.body) && as_text(a.whole) == as_text(b.whole);
  });
  const auto message = TlsMessageProcessor(65536).parse(bytes);
  if (message.kind == ParseResult<TlsMessage>::Kind::kFrame) read_all(message.frame.body);
  read_all(bytes);
  return 0;
}
