#include "wire/vnc.h"

#include <algorithm>

#include "wire/line.h"

namespace sonde::wire {

ParseResult<VncVersion> VncProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<VncVersion>;
  constexpr std::string_view kForm = "RFB 000.000\n";  // 0: any digit
  const std::string_view all = as_text(bytes.first(std::min(bytes.size(), kForm.size())));
  for (std::size_t i = 0; i < all.size(); ++i)
    if (kForm[i] == '0' ? all[i] < '0' || all[i] > '9' : all[i] != kForm[i]) return Result::fail("not VNC");
  if (all.size() < kForm.size()) return Result::more(kForm.size() - all.size());
  return Result::got({.version = all.substr(4, 7)}, kForm.size());
}

}  // namespace sonde::wire
