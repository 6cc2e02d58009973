// The bytes are what a client sends behind its handshake.
#include <cstdint>
#include <span>

#include "base/check.h"
#include "wire/cut_anywhere.h"
#include "wire/websocket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
  constexpr std::size_t kLimit = 200;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const WebSocketProcessor processor(kLimit);
  check_cut_anywhere(processor, bytes, [](const WebSocketFrame& a, const WebSocketFrame& b) {
    return a.opcode == b.opcode && a.final == b.final && unmasked(a) == unmasked(b);
  });

  using Heard = WebSocketListener::Heard;
  WebSocketListener listener(kLimit);
  std::span<const std::byte> rest = bytes;
  for (Heard heard = Heard::kMessage; heard != Heard::kMore;) {
    const std::size_t before = rest.size();
    heard = listener.take(rest);
    SONDE_CHECK(heard == Heard::kMore || heard == Heard::kBreach || rest.size() < before, "a frame takes bytes");
    SONDE_CHECK(heard != Heard::kMore || rest.size() < kLimit + 14, "what is not taken is bounded");
    SONDE_CHECK(listener.payload().size() <= kWebSocketControlMax, "and so is what is to be said again");
    if (heard == Heard::kBreach) SONDE_CHECK(listener.code() != kWebSocketNoCode, "a breach has a reason");
    if (heard == Heard::kClose || heard == Heard::kBreach) break;
  }
  return 0;
}
