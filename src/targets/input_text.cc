#include "targets/input_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sonde::targets {

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    else
      out += c;
  }
  if (text.size() > kShown) out += "...";
  return out += '\'';
}

std::string located(std::string_view where, std::string_view text) {
  return where.empty() ? std::string(text) : fmt::format("{}: {}", where, text);
}

std::string needless_port(std::string_view text) {
  return quoted(text) + " names a port, and the probe knows none: write the host alone";
}

bool is_binary(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace sonde::targets
