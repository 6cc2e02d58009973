#include "wire/rdp.h"

#include "wire/line.h"
#include "wire/little_endian.h"

namespace sonde::wire {

std::string_view rdp_security_name(const RdpConfirm& confirm) {
  const bool failed = confirm.answer == RdpConfirm::Answer::kFailure;
  switch (confirm.number) {  // MS-RDPBCGR, 2.2.1.2.1 and 2.2.1.2.2
    case 0:
      return failed ? "refused" : "standard";
    case 1:
      return failed ? "tls_required" : "tls";
    case 2:
      return failed ? "tls_not_allowed" : "credssp";
    case 3:
      return failed ? "no_certificate" : "other";
    case 4:
      return failed ? "inconsistent_flags" : "rdstls";
    case 5:
      return failed ? "credssp_required" : "other";
    case 8:
      return failed ? "refused" : "credssp_ex";
    case 16:
      return failed ? "refused" : "aad";
    default:
      return failed ? "refused" : "other";
  }
}

ParseResult<RdpConfirm> RdpProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<RdpConfirm>;
  constexpr std::size_t kTpkt = 4;
  constexpr std::size_t kWithAnswer = 19;
  const std::string_view all = as_text(bytes);
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(all[i]); };
  const auto wrong = [] { return Result::fail("not an X.224 Connection Confirm"); };
  if ((!all.empty() && at(0) != 3) || (all.size() > 1 && at(1) != 0)) return wrong();
  if (all.size() < kTpkt) return Result::more(min_frame_size() - all.size());
  const std::size_t length = std::size_t{at(2)} << 8 | at(3);
  if (length < min_frame_size() || length > kLimit) return wrong();
  // The length of what is behind itself, then the code of a confirm; its low bits are a credit of class 0: none.
  if ((all.size() > 4 && at(4) != length - 5) || (all.size() > 5 && at(5) != 0xd0)) return wrong();
  if (all.size() < length) return Result::more(length - all.size());
  RdpConfirm confirm;
  if (length >= kWithAnswer && (at(11) == 2 || at(11) == 3))
    confirm = {.answer = at(11) == 2 ? RdpConfirm::Answer::kSelected : RdpConfirm::Answer::kFailure,
               .number = le32(all, 15)};
  return Result::got(confirm, length);
}

}  // namespace sonde::wire
