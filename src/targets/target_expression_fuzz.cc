#include "targets/target_expression.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

namespace {

using sonde::targets::parse_target;
using sonde::targets::TargetExpression;

// The expression as text that means the same.
std::string canonical(const TargetExpression& target) {
  std::string body = target.host;
  if (!target.is_name()) {
    body = to_string(target.range.first);
    if (!target.range.single()) body += "-" + to_string(target.range.last);
    if (!target.range.first.is_v4()) body = "[" + body + "]";
  }
  if (target.port != 0) body += ":" + std::to_string(target.port);
  const std::string_view scheme = name(target.scheme);
  return scheme.empty() ? body : std::string(scheme) + "://" + body + target.path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_target(text);
  if (!parsed) {
    for (const char c : parsed.error().text) SONDE_CHECK(c >= ' ' && c < 0x7f, "an error is one line of plain text");
    SONDE_CHECK(parsed.error().text.size() < 700, "an error is bounded");
    return 0;
  }
  if (parsed->is_name()) {
    SONDE_CHECK(parsed->host.size() <= 253, "RFC 1123");
    for (const char c : parsed->host)
      SONDE_CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.', "canonical names only");
  } else {
    SONDE_CHECK(parsed->range.first <= parsed->range.last, "ranges ascend");
    if (parsed->range.first.is_v4() || parsed->range.last.is_v4())
      SONDE_CHECK(parsed->range.first.is_v4() && parsed->range.last.is_v4(), "one family");
  }
  SONDE_CHECK(parsed->path.size() <= TargetExpression::kMaxPath, "a path is bounded");
  SONDE_CHECK(parsed->path.empty() || (parsed->path.front() == '/' && parsed->path != "/"), "a path begins with '/'");
  for (const char c : parsed->path) SONDE_CHECK(c > ' ' && c < 0x7f && c != '#', "a path is printable");
  const auto again = parse_target(canonical(*parsed));
  SONDE_CHECK(again, "the canonical text of a target is a target");
  SONDE_CHECK(again->scheme == parsed->scheme && again->path == parsed->path, "and means the same");
  SONDE_CHECK(again->host == parsed->host && again->port == parsed->port, "and means the same");
  SONDE_CHECK(again->range.first == parsed->range.first && again->range.last == parsed->range.last,
              "and means the same");
  return 0;
}
