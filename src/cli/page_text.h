// Text for a terminal of a fixed width: what a peer says is made harmless, and all is measured in columns, not bytes.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::cli {

// How many columns a terminal needs for UTF-8 text: combining marks none, East Asian wide characters two, every other
// character one. A byte that is no UTF-8 counts as one.
std::size_t columns(std::string_view text);

// The text without anything that a terminal acts on or that makes text look like another: control characters (line
// ends too), bytes that are no UTF-8, marks of direction, invisible characters. They show as \xNN or \u{NNNN}.
std::string harmless(std::string_view text);

// At most `width` columns; what was longer ends in "…".
std::string cut(std::string_view text, std::size_t width);

// In lines of at most `width` columns (at least 8), broken behind a blank or a comma where there is one, else anywhere.
// What needs more than `most` lines ends in "…".
std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t most);

}  // namespace sonde::cli
