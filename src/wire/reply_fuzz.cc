#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/reply.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::ReplyProcessor(), bytes,
                                  [](const auto& a, const auto& b) { return a.code == b.code && a.text == b.text; });
  return 0;
}
