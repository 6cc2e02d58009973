#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::LineProcessor(64), bytes,
                                  [](const auto& a, const auto& b) { return a == b; });
  return 0;
}
