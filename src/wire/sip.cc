#include "wire/sip.h"

#include <algorithm>
#include <cctype>

#include "wire/line.h"

namespace sonde::wire {
namespace {

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

void read_header(std::string_view line, SipHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view name = line.substr(0, colon);
  while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  if (equal_fold(name, "Server") || (equal_fold(name, "User-Agent") && head.server.empty())) head.server = value;
}

}  // namespace

ParseResult<SipHead> SipProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<SipHead>;
  constexpr std::string_view kForm = "SIP/2.0 000";  // 0 behind the space: any digit
  const std::string_view all = as_text(bytes.first(std::min(bytes.size(), kLimit)));
  SipHead head;
  for (std::size_t i = 0; i < std::min(all.size(), kForm.size()); ++i) {
    const bool digit = i >= 8;
    if (digit ? all[i] < '0' || all[i] > '9' : all[i] != kForm[i]) return Result::fail("not a SIP answer");
    if (digit) head.status = static_cast<std::uint16_t>(head.status * 10 + (all[i] - '0'));
  }
  if (all.size() < kForm.size()) return Result::more(kForm.size() - all.size());
  const LineProcessor lines(kLimit);
  for (std::size_t offset = 0;;) {
    const auto line = lines.parse(as_bytes(all.substr(offset)));
    if (line.kind != ParseResult<std::string_view>::Kind::kFrame)
      return all.size() == kLimit ? Result::fail("a SIP head is too long") : Result::more(1);
    offset += line.consumed;
    if (line.frame.empty()) return Result::got(head, offset);
    read_header(line.frame, head);
  }
}

}  // namespace sonde::wire
