// UTF-8 as bytes that may be anything (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace sonde {

// The length of the sequence at the start of `bytes`, which are not empty: shortest form, no surrogates, up to
// U+10FFFF; 0 when there is none.
std::size_t utf8_length(std::string_view bytes);

}  // namespace sonde
