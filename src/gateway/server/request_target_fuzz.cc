// Request targets: never a crash; what was decoded, encoded whole, reads as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/server/request_target.h"

namespace {

std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::gateway::HttpRequest;
  HttpRequest request;
  if (!read_request_target({reinterpret_cast<const char*>(data), size}, request)) return 0;
  SONDE_CHECK(!request.path.empty(), "a target has a path");
  SONDE_CHECK(request.path.size() <= size + 1, "decoding never grows");
  std::string again = request.path == "*" ? "*" : "/" + encoded(request.path.substr(1)) + "?";
  if (again != "*")
    for (const auto& [key, value] : request.query) again += encoded(key) + "=" + encoded(value) + "&";
  HttpRequest second;
  SONDE_CHECK(read_request_target(again, second), "its own encoding reads");
  SONDE_CHECK(second.path == request.path && (again == "*" || second.query == request.query), "and says the same");
  return 0;
}
