#include "wire/memcached.h"

#include <algorithm>

#include "wire/line.h"

namespace sonde::wire {

ParseResult<MemcachedAnswer> MemcachedProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<MemcachedAnswer>;
  constexpr std::string_view kError = "ERROR\r\n";
  constexpr std::string_view kVersion = "VERSION ";
  const std::string_view all = as_text(bytes.first(std::min(bytes.size(), kLimit)));
  if (may_begin(all, kError)) {
    if (all.size() < kError.size()) return Result::more(kError.size() - all.size());
    return Result::got({}, kError.size());
  }
  if (!may_begin(all, kVersion)) return Result::fail("not memcached");
  const std::size_t end = all.find("\r\n");
  if (end == std::string_view::npos) return all.size() == kLimit ? Result::fail("not memcached") : Result::more(1);
  if (end <= kVersion.size()) return Result::fail("not memcached");
  return Result::got({.version = all.substr(kVersion.size(), end - kVersion.size())}, end + 2);
}

}  // namespace sonde::wire
