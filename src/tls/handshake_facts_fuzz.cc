#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "tls/handshake_facts.h"

using sonde::tls::HandshakeFacts;
using Bytes = std::span<const std::byte>;

namespace {

bool lies_in_order(const HandshakeFacts& facts, std::size_t size) {
  std::size_t total = 0;
  for (const Bytes& certificate : facts.chain()) total += certificate.size() + 3;
  return total <= size && facts.extensions().size() * 4 <= size && facts.stapled_ocsp().size() <= size &&
         facts.scts().size() <= size;
}

}  // namespace

// Messages one after another: of each, its header says how long it is, else it is what is left.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes all(reinterpret_cast<const std::byte*>(data), size);
  HandshakeFacts facts;
  for (Bytes rest = all; !rest.empty();) {
    std::size_t length = rest.size();
    if (rest.size() >= 4)
      length =
          std::min(length, 4 + (std::to_integer<std::size_t>(rest[1]) << 16 |
                                std::to_integer<std::size_t>(rest[2]) << 8 | std::to_integer<std::size_t>(rest[3])));
    facts.on_message(rest.first(length));
    rest = rest.subspan(length);
  }
  SONDE_CHECK(lies_in_order(facts, size), "what is found lies in what was given");
  SONDE_CHECK(facts.chain().size() <= HandshakeFacts::kCertificatesMax, "the chain is bounded");
  SONDE_CHECK(facts.extensions().size() <= HandshakeFacts::kExtensionsMax, "the extensions are bounded");
  return 0;
}
