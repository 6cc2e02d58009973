#include "wire/redis.h"

#include <charconv>

#include "wire/line.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<RedisValue>;

Result parse_value(std::string_view text, int depth) {
  if (text.empty()) return Result::more(1);
  const char type = text.front();
  if (std::string_view("+-:$*").find(type) == std::string_view::npos) return Result::fail("not a RESP value");
  if (depth > RedisProcessor::kDepth) return Result::fail("RESP arrays are nested too deep");
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) return Result::more(1);
  const std::string_view line = text.substr(1, end - 1);
  if (type == '+' || type == '-') return Result::got({.type = type, .text = line}, end + 2);
  long long number = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc() || stop != line.data() + line.size()) return Result::fail("not a RESP number");
  if (type == ':') return Result::got({.type = type, .text = line}, end + 2);
  if (number < -1 || number > static_cast<long long>(RedisProcessor::kLimit))
    return Result::fail("a RESP length is out of bounds");
  if (number == -1) return Result::got({.type = type}, end + 2);
  std::size_t offset = end + 2;
  if (type == '$') {
    const std::size_t whole = offset + static_cast<std::size_t>(number) + 2;
    if (text.size() < whole) return Result::more(whole - text.size());
    if (text.substr(whole - 2, 2) != "\r\n") return Result::fail("a RESP bulk does not end where it should");
    return Result::got({.type = type, .text = text.substr(offset, static_cast<std::size_t>(number))}, whole);
  }
  for (long long i = 0; i < number; ++i) {
    const Result item = parse_value(text.substr(offset), depth + 1);
    if (item.kind != Result::Kind::kFrame) return item;
    offset += item.consumed;
  }
  return Result::got({.type = type, .text = text.substr(end + 2, offset - end - 2)}, offset);
}

}  // namespace

ParseResult<RedisValue> RedisProcessor::parse(std::span<const std::byte> bytes) const {
  const std::string_view text = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  const Result result = parse_value(text, 0);
  if (result.kind == Result::Kind::kNeed && (text.size() == kLimit || text.size() + result.need > kLimit))
    return Result::fail("a RESP value is too long");
  return result;
}

}  // namespace sonde::wire
