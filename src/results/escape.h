// A peer's bytes as text that is safe everywhere: valid UTF-8 stays, bytes that are none, control characters (C0 but
// tab, LF, CR; DEL; C1) and the backslash become \xNN. So a record is always valid UTF-8, nothing reaches a terminal
// raw, and the bytes can be had back: every backslash in the text begins an escape.
#pragma once

#include <string>
#include <string_view>

namespace sonde::results {

void append_escaped(std::string_view bytes, std::string& out);
std::string escaped(std::string_view bytes);

// The inverse, for texts that append_escaped made; anything else is copied as it is.
std::string unescaped(std::string_view text);

}  // namespace sonde::results
