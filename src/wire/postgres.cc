#include "wire/postgres.h"

#include <cstdint>

#include "wire/line.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<PostgresAnswer>;

// ErrorResponse of protocol 3.0: length, then fields of a type byte and a string each; 'M' is the primary message.
Result error_fields(std::string_view all) {
  std::size_t length = 0;
  for (std::size_t i = 1; i < 5; ++i) {
    if (i == all.size()) return Result::more(5 - i);
    length = length << 8 | static_cast<std::uint8_t>(all[i]);
  }
  if (length < 4 || length >= PostgresAnswerProcessor::kLimit) return Result::fail("not a PostgreSQL answer");
  if (all.size() < 1 + length) return Result::more(1 + length - all.size());
  std::string_view fields = all.substr(5, length - 4);
  while (!fields.empty() && fields.front() != '\0') {
    const std::size_t end = fields.find('\0', 1);
    if (end == std::string_view::npos) break;
    if (fields.front() == 'M') return Result::got({.type = 'E', .message = fields.substr(1, end - 1)}, 1 + length);
    fields.remove_prefix(end + 1);
  }
  return Result::got({.type = 'E'}, 1 + length);
}

}  // namespace

ParseResult<PostgresAnswer> PostgresAnswerProcessor::parse(std::span<const std::byte> bytes) const {
  const std::string_view all = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  if (all.empty()) return Result::more(1);
  if (all[0] == 'S' || all[0] == 'N') return Result::got({.type = all[0]}, 1);
  if (all[0] != 'E') return Result::fail("not a PostgreSQL answer");
  if (all.size() == 1) return Result::more(1);
  // The length of protocol 3.0 is below 2^24, so its first byte is 0. Protocol 2.0 has the text at once, up to a 0.
  if (all[1] == '\0') return error_fields(all);
  const std::size_t end = all.find('\0');
  if (end == std::string_view::npos)
    return all.size() == kLimit ? Result::fail("not a PostgreSQL answer") : Result::more(1);
  std::string_view message = all.substr(1, end - 1);
  while (message.ends_with('\n')) message.remove_suffix(1);
  return Result::got({.type = 'E', .message = message}, end + 1);
}

}  // namespace sonde::wire
