#include "probes/tls/ja3s.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <iterator>

namespace sonde::probes {

std::string ja3s_text(const wire::TlsServerHello& hello) {
  std::string text = fmt::format("{},{},", hello.legacy_version, hello.cipher);
  const char* separator = "";
  hello.extensions.for_each([&](const wire::TlsExtension& extension) {
    fmt::format_to(std::back_inserter(text), "{}{}", separator, extension.type);
    separator = "-";
  });
  return text;
}

std::string ja3s(const wire::TlsServerHello& hello) {
  const std::string text = ja3s_text(hello);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) return {};
  std::string digits;
  for (unsigned i = 0; i < size; ++i) fmt::format_to(std::back_inserter(digits), "{:02x}", digest[i]);
  return digits;
}

}  // namespace sonde::probes
