// Regular expressions as Go's regexp has them, by RE2 (the same syntax): what differs is text that is no UTF-8, each
// wrong byte of which Go takes for the character U+FFFD, and the templates of Regexp.Expand.
#pragma once

#include <re2/re2.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::probes {

// Whether any part of `text` matches. Fills all of `groups` (0: the match, then the pattern's own), as far as it
// reaches, with views of `text`; those that took no part have no data().
bool go_match(const RE2& pattern, std::string_view text, std::span<std::string_view> groups);

// `replacement` with $name, ${name}, $1, ${1} as `groups` of go_match have them, $$ as $. What is unknown or took no
// part is nothing; a '$' that begins no name stays.
std::string go_expand(const RE2& pattern, std::string_view replacement, std::span<const std::string_view> groups);

}  // namespace sonde::probes
