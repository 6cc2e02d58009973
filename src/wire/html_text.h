// Text as HTML writes it, made plain.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sonde::wire {

// Character references decoded (numeric ones, those of Latin-1 and of common punctuation; others stay as they are),
// control characters and blanks as a single space, none at the ends, at most `limit` bytes, cut at the end of a
// character of UTF-8. Bytes that are not UTF-8 stay as they are.
std::string html_text(std::string_view html, std::size_t limit);

}  // namespace sonde::wire
