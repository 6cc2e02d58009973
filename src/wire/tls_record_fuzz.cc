#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/line.h"
#include "wire/tls_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::wire::as_text;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::TlsRecordProcessor(), bytes, [](const auto& a, const auto& b) {
    return a.type == b.type && a.version == b.version && as_text(a.header) == as_text(b.header) &&
           as_text(a.fragment) == as_text(b.fragment);
  });
  return 0;
}
