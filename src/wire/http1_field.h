// Header fields of HTTP/1 (RFC 9112, 5), read the way that lenient clients do: a field may be folded over several
// lines, a line may end in LF alone, blanks may stand before the colon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sonde::wire {

struct HttpField {
  enum class Kind : std::uint8_t {
    kField,
    kOdd,     // no field: no colon, no name, or a name with a separator in it; clients skip it
    kBinary,  // control characters or bytes beyond ASCII in the name, or a NUL anywhere
  };
  Kind kind = Kind::kOdd;
  std::string_view name;   // as it was sent
  std::string_view value;  // trimmed; of a folded field with its line ends inside, see unfolded()
};

// `lines`: one field with its line ends, continuation lines included.
HttpField parse_field(std::string_view lines);

// The value on one line, each fold a single space (RFC 9112, 5.2). Borrows from `room` if there was a fold, else it is
// the value itself.
std::string_view unfolded(std::string_view value, std::string& room);

// Takes the next field with its line ends off the front of `rest`. REQUIRES: rest is not empty.
std::string_view take_field(std::string_view& rest);

// Calls visit(name, value) for each field of a head, in order; `head` is what Http1Response::head gives: a status line,
// which is skipped, and whole lines. Odd and binary ones are left out. The views live as long as the call.
template <typename Visit>
void for_each_header(std::string_view head, Visit visit) {
  std::string room;
  const std::size_t status_end = head.find('\n');
  head = status_end == std::string_view::npos ? std::string_view() : head.substr(status_end + 1);
  while (!head.empty()) {
    const HttpField field = parse_field(take_field(head));
    if (field.kind == HttpField::Kind::kField) visit(field.name, unfolded(field.value, room));
  }
}

// The values of a header, joined by ", " (RFC 9110, 5.3); absent when there is none.
std::optional<std::string> header_value(std::string_view head, std::string_view name);

// A token (RFC 9110, 5.6.2): what a method and a header's name are made of.
bool is_token(std::string_view text);

}  // namespace sonde::wire
