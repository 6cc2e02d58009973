// Go's quoting and numbers: never a crash; a quoted text is valid UTF-8 without control characters, and what was read
// as a number reads as the same when it is written.
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "gateway/go_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string quoted = sonde::gateway::go_quoted(text);
  for (std::string_view rest = quoted; !rest.empty();) {
    const std::size_t length = sonde::utf8_length(rest);
    SONDE_CHECK(length > 0 && (length > 1 || (rest[0] >= ' ' && rest[0] != 0x7f)), "quoted text prints");
    rest.remove_prefix(length);
  }
  const auto number = sonde::gateway::parse_go_float(text);
  if (!number || std::isnan(*number)) return 0;
  const auto again = sonde::gateway::parse_go_float(fmt::format("{}", *number));
  SONDE_CHECK(again && *again == *number, "a number reads as what it is");
  return 0;
}
