#include "x509/scts.h"

#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  for (const auto& count :
       {&sonde::x509::count_scts, &sonde::x509::count_wrapped_scts, &sonde::x509::count_ocsp_scts}) {
    const auto whole = count(bytes);
    if (!whole) continue;
    SONDE_CHECK(*whole <= size / 3, "more SCTs than the bytes can hold");
    for (std::size_t length = 0; length < size; length += length < 300 || length + 300 > size ? 1 : 97)
      SONDE_CHECK(!count(bytes.first(length)), "a cut one is counted");
  }
  return 0;
}
