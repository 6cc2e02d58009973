// The first byte chooses method, manner and cuts; the rest is what a server sends. However it is cut, the same is
// learnt.
#include <cstdint>

#include "base/mix.h"
#include "wire/http1_response_drive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;
  if (size == 0) return 0;
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "CONNECT", "POST"};
  const std::string_view method = kMethods[data[0] & 3];
  using Manner = Http1Response::Manner;
  const Manner manner = (data[0] & 4) != 0 ? Manner::kGo : Manner::kLenient;
  const auto bytes = std::span(reinterpret_cast<const std::byte*>(data), size).subspan(1);
  const PlayedAnswer whole = play_http1_response(method, bytes, [&](std::size_t) { return bytes.size(); }, manner);
  const PlayedAnswer crumbs = play_http1_response(method, bytes, [](std::size_t) { return std::size_t{1}; }, manner);
  const std::uint64_t seed = data[0];
  const PlayedAnswer pieces = play_http1_response(
      method, bytes, [seed](std::size_t given) { return std::size_t{1} + sonde::mix64(seed, given) % 40; }, manner);
  SONDE_CHECK(whole == crumbs && whole == pieces, "a cut changes what is learnt");
  return 0;
}
