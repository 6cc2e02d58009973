// "did you mean": the nearest of a set of names by edit distance. For messages to people.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sonde {

// The name that needs the fewest insertions, deletions, replacements and swaps of neighbours to become `text`; empty
// when none is near (more than a third of its letters apart).
std::string_view nearest(std::string_view text, std::span<const std::string_view> names);

// "; did you mean 'rate'?" or nothing.
std::string did_you_mean(std::string_view text, std::span<const std::string_view> names);

}  // namespace sonde
