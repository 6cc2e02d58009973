// The first two bytes choose algorithm and size; the rest is the compressed data. Nothing is written behind the end.
#include "wire/certificate_inflate.h"

#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto algorithm = static_cast<std::uint16_t>(data[0] % 5);
  std::vector<std::byte> out(std::size_t{data[1]} * 64 + 1);  // ASan sees a byte beyond it
  (void)sonde::wire::inflate_certificate(algorithm, bytes.subspan(2), out);
  return 0;
}
