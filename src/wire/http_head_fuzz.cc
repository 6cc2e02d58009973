#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/http_head.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::HttpHeadProcessor(), bytes, [](const auto& a, const auto& b) {
    return a.status == b.status && a.server == b.server;
  });
  return 0;
}
