#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"
#include "wire/identify.h"

// Byte 0 chooses the port; the rest is what a peer says. On every prefix identify() leaves the end open, or gives at
// once what it gives on the whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde;
  constexpr std::array<std::uint16_t, 6> kPorts = {21, 25, 110, 4711, 6379, 5432};
  if (size < 1) return 0;
  const std::uint16_t port = kPorts[data[0] % kPorts.size()];
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 1), std::min<std::size_t>(size - 1, 1024));
  const wire::Identified whole = wire::identify(bytes, port);
  SONDE_CHECK(whole.whole <= bytes.size(), "a frame takes bytes that are there");
  SONDE_CHECK(whole.whole == 0 || (whole.named() && !whole.begun), "what is whole has a name, and is not to be ended");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const wire::Identified part = wire::identify(bytes.first(length), port);
    if (part.whole == 0) continue;
    SONDE_CHECK(part.whole == whole.whole && part.protocol == whole.protocol, "a cut changes the frame");
    SONDE_CHECK(part.product == whole.product && part.version == whole.version && part.answer == whole.answer,
                "a cut changes what was learned");
  }
  return 0;
}
