#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/ssh.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  sonde::wire::check_cut_anywhere(sonde::wire::SshProcessor(), bytes, [](const auto& a, const auto& b) {
    return a.line == b.line && a.software == b.software;
  });
  return 0;
}
