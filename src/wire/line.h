// Lines: text up to LF, with an optional CR before it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Whether `text` begins with `pattern`, as far as it goes.
inline bool may_begin(std::string_view text, std::string_view pattern) {
  return pattern.starts_with(text.substr(0, pattern.size()));
}

class LineProcessor {
 public:
  using Frame = std::string_view;  // without its end
  static constexpr std::size_t min_frame_size() { return 1; }

  // limit: bytes of a line, its end counted in.
  explicit LineProcessor(std::size_t limit = 4096) : limit_(limit) {}

  ParseResult<Frame> parse(std::span<const std::byte> bytes) const {
    const std::string_view text = as_text(bytes.first(bytes.size() < limit_ ? bytes.size() : limit_));
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return text.size() == limit_ ? ParseResult<Frame>::fail("a line is too long") : ParseResult<Frame>::more(1);
    }
    const std::size_t length = end > 0 && text[end - 1] == '\r' ? end - 1 : end;
    return ParseResult<Frame>::got(text.substr(0, length), end + 1);
  }

 private:
  std::size_t limit_;
};

}  // namespace sonde::wire
