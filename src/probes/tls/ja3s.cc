#include "probes/tls/ja3s.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <array>
#include <iterator>

namespace sonde::probes {

std::string ja3s_text(std::uint16_t version, std::uint16_t cipher, std::span<const std::uint16_t> extensions) {
  return fmt::format("{},{},{}", version, cipher, fmt::join(extensions, "-"));
}

std::string ja3s(std::uint16_t version, std::uint16_t cipher, std::span<const std::uint16_t> extensions) {
  const std::string text = ja3s_text(version, cipher, extensions);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) return {};
  std::string digits;
  for (unsigned i = 0; i < size; ++i) fmt::format_to(std::back_inserter(digits), "{:02x}", digest[i]);
  return digits;
}

}  // namespace sonde::probes
