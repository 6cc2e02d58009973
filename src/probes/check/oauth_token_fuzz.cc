// Whatever a token server says: a token fits on one header line.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "probes/check/oauth_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto token = sonde::probes::read_oauth_token(body);
  if (!token) return 0;
  SONDE_CHECK(std::ranges::all_of(token->authorization, [](char c) { return c >= ' ' && c < 0x7f; }), "it is one line");
  SONDE_CHECK(token->lifetime_s >= 0, "a lifetime is not negative");
  return 0;
}
