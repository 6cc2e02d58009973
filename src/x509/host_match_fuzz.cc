#include "x509/host_match.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"

// The input is a name of a certificate, a zero byte, and a host.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), size);
  const std::string_view pattern = input.substr(0, zero);
  const std::string_view host = input.substr(std::min(zero + 1, size));
  const bool matches = sonde::x509::dns_name_matches(pattern, host);

  std::string upper(host);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  SONDE_CHECK(sonde::x509::dns_name_matches(pattern, upper) == matches, "case changes the verdict");
  if (matches) {
    SONDE_CHECK(std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; }), "a match of no host name");
    // Whatever stood for it, one wildcard adds no label and takes none away.
    const auto labels = [](std::string_view name) {
      if (name.ends_with('.')) name.remove_suffix(1);
      return std::ranges::count(name, '.');
    };
    SONDE_CHECK(labels(pattern) == labels(host), "a match over a different number of labels");
    SONDE_CHECK(pattern.starts_with('*') || sonde::x509::dns_name_matches(host, pattern), "equality has two sides");
  }
  sonde::x509::Certificate certificate;
  certificate.subject_cn = host;
  SONDE_CHECK(!sonde::x509::host_matches(certificate, host), "a common name matches");
  return 0;
}
