// JSON that may stand within an HTML script element: '<', '>' and '&' are written as \u00XX, U+2028 and U+2029 as
// \u202X. They stand only within strings, where the escapes mean the same; so no record can end the element or begin a
// comment.
#pragma once

#include <string>
#include <string_view>

namespace sonde::report {

std::string safe_in_html(std::string_view json);

}  // namespace sonde::report
