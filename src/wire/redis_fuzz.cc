#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/redis.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::RedisProcessor(), bytes,
                                  [](const auto& a, const auto& b) { return a.type == b.type && a.text == b.text; });
  return 0;
}
