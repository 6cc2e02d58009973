#include "wire/http1_field.h"

#include <array>
#include <cstring>

#include "wire/ascii.h"

namespace sonde::wire {
namespace {

constexpr std::uint8_t kSeparator = 1;
constexpr std::uint8_t kBinary = 2;

// What a character is in a name: 0 for those of tokens. CR and LF can only be a fold before the colon: odd.
constexpr std::array<std::uint8_t, 256> make_name_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool printable = c > ' ' && c < 0x7f;
    classes[c] = printable || c == ' ' || c == '\t' || c == '\r' || c == '\n' ? kSeparator : kBinary;
    if (is_digit(static_cast<char>(c)) || is_letter(static_cast<char>(c))) classes[c] = 0;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<unsigned char>(c)] = 0;
  return classes;
}
constexpr std::array<std::uint8_t, 256> kNameClasses = make_name_classes();

std::uint8_t name_class(std::string_view name) {
  std::uint8_t classes = name.empty() ? kSeparator : 0;
  for (const char c : name) classes |= kNameClasses[static_cast<unsigned char>(c)];
  return classes;
}

bool is_space(char c) { return is_blank(c) || c == '\r' || c == '\n'; }

std::string_view trimmed_lines(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_token(std::string_view text) { return name_class(text) == 0; }

HttpField parse_field(std::string_view lines) {
  if (std::memchr(lines.data(), 0, lines.size()) != nullptr) return {.kind = HttpField::Kind::kBinary};
  const std::size_t colon = lines.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = lines.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  const std::uint8_t classes = name_class(name);
  if ((classes & kBinary) != 0) return {.kind = HttpField::Kind::kBinary};
  if (classes != 0) return {};
  return {.kind = HttpField::Kind::kField, .name = name, .value = trimmed_lines(lines.substr(colon + 1))};
}

std::string_view unfolded(std::string_view value, std::string& room) {
  if (value.find('\n') == std::string_view::npos) return value;
  room.clear();
  while (!value.empty()) {
    const std::size_t end = value.find('\n');
    const std::string_view line = trimmed_lines(value.substr(0, end));
    if (!room.empty() && !line.empty()) room += ' ';
    room += line;
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
  }
  return room;
}

std::string_view take_field(std::string_view& rest) {
  std::size_t end = 0;
  do {
    const std::size_t line_end = rest.find('\n', end);
    end = line_end == std::string_view::npos ? rest.size() : line_end + 1;
  } while (end < rest.size() && is_blank(rest[end]));
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end);
  return field;
}

std::optional<std::string> header_value(std::string_view head, std::string_view name) {
  std::optional<std::string> all;
  for_each_header(head, [&](std::string_view its_name, std::string_view value) {
    if (!equal_fold(its_name, name)) return;
    if (all) {
      all->append(", ").append(value);
    } else {
      all.emplace(value);
    }
  });
  return all;
}

}  // namespace sonde::wire
