#include "wire/http_head.h"

#include <algorithm>

#include "wire/ascii.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

// "HTTP/1.1 200 OK" → status and reason; false when it is something else.
bool parse_status(std::string_view line, HttpHead& head) {
  constexpr std::string_view kDigits = "0123456789";
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || kDigits.find(line[7]) == std::string_view::npos ||
      line[8] != ' ')
    return false;
  for (std::size_t i = 9; i < 12; ++i) {
    if (kDigits.find(line[i]) == std::string_view::npos) return false;
    head.status = static_cast<std::uint16_t>(head.status * 10 + (line[i] - '0'));
  }
  if (line.size() > 12 && line[12] != ' ') return false;
  head.reason = trimmed(line.substr(12));
  return true;
}

}  // namespace

ParseResult<HttpHead> HttpHeadProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<HttpHead>;
  constexpr std::string_view kBegin = "HTTP/1.";
  const std::string_view all = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  const std::size_t known = std::min(all.size(), kBegin.size());
  if (all.substr(0, known) != kBegin.substr(0, known)) return Result::fail("not an HTTP/1 answer");
  const LineProcessor lines(kLimit);
  HttpHead head;
  for (std::size_t offset = 0;;) {
    const auto line = lines.parse(as_bytes(all.substr(offset)));
    if (line.kind != ParseResult<std::string_view>::Kind::kFrame)
      return all.size() == kLimit ? Result::fail("an HTTP head is too long") : Result::more(1);
    if (offset == 0 && !parse_status(line.frame, head)) return Result::fail("not an HTTP/1 status line");
    if (line.frame.empty()) {
      head.text = all.substr(0, offset);
      return Result::got(head, offset + line.consumed);
    }
    offset += line.consumed;
    const std::size_t colon = line.frame.find(':');
    if (colon != std::string_view::npos && equal_fold(line.frame.substr(0, colon), "server") && head.server.empty())
      head.server = trimmed(line.frame.substr(colon + 1));
  }
}

}  // namespace sonde::wire
