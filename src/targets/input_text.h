// How user's text is quoted in errors: on one line, bounded, without control characters. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sonde::targets {

// 'text', with control characters and bytes beyond ASCII as \xNN and at most 80 characters of it.
std::string quoted(std::string_view text);

// "where: text", or the text alone when there is no where.
std::string located(std::string_view where, std::string_view text);

// What is wrong with a target that names a port where the probe knows none.
std::string needless_port(std::string_view text);

// True when the text holds a control character other than a tab: it is no text.
bool is_binary(std::string_view text);

// Without blanks (space, tab, CR) at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace sonde::targets
