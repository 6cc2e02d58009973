// Texts as Go's strconv reads and writes them, where /probe's answers quote what blackbox_exporter would.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sonde::gateway {

// strconv.Quote: in double quotes, what does not print escaped. Which characters beyond ASCII print is told by blocks:
// controls, spaces other than U+0020, marks of format and direction, private use and what is no character do not.
std::string go_quoted(std::string_view text);

enum class GoFloatError { kSyntax, kRange };
// strconv.ParseFloat of 64 bits: decimal, or hexadecimal with its exponent; '_' between digits; inf, infinity, nan.
std::expected<double, GoFloatError> parse_go_float(std::string_view text);

}  // namespace sonde::gateway
