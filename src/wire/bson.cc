#include "wire/bson.h"

#include "wire/little_endian.h"

namespace sonde::wire {
namespace {

// How many bytes the value has at the front of `rest`; nullopt: an unknown type, or fewer bytes than it says.
std::optional<std::size_t> size_of(std::uint8_t type, std::string_view rest) {
  const auto prefixed = [&](std::size_t extra) -> std::optional<std::size_t> {
    if (rest.size() < 4 || le32(rest, 0) > rest.size()) return std::nullopt;
    return le32(rest, 0) + extra;
  };
  switch (type) {
    case 0x06:  // undefined
    case 0x0a:  // null
    case 0x7f:  // max key
    case 0xff:  // min key
      return 0;
    case 0x08:  // boolean
      return 1;
    case 0x10:  // int32
      return 4;
    case 0x01:  // double
    case 0x09:  // date
    case 0x11:  // timestamp
    case 0x12:  // int64
      return 8;
    case 0x07:  // object id
      return 12;
    case 0x13:  // decimal128
      return 16;
    case 0x02:  // string
    case 0x0d:  // code
    case 0x0e:  // symbol
      return prefixed(4);
    case 0x05:  // binary, a subtype behind its length
      return prefixed(5);
    case 0x0c:  // a pointer: a string and an object id
      return prefixed(16);
    case 0x03:  // document
    case 0x04:  // array
    case 0x0f:  // code with scope
      return prefixed(0);
    case 0x0b: {  // regular expression: two strings that end in a zero
      const std::size_t pattern = rest.find('\0');
      if (pattern == std::string_view::npos) return std::nullopt;
      const std::size_t options = rest.find('\0', pattern + 1);
      if (options == std::string_view::npos) return std::nullopt;
      return options + 1;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<BsonElement> bson_take(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  BsonElement element{.type = static_cast<std::uint8_t>(rest.front()), .name = {}, .value = {}};
  const std::size_t end = rest.find('\0', 1);
  if (end == std::string_view::npos) return std::nullopt;
  element.name = rest.substr(1, end - 1);
  const std::string_view behind = rest.substr(end + 1);
  const std::optional<std::size_t> size = size_of(element.type, behind);
  if (!size || *size > behind.size()) return std::nullopt;
  element.value = behind.substr(0, *size);
  if (element.type == static_cast<std::uint8_t>(BsonType::kString)) {
    if (*size < 5) return std::nullopt;  // its zero is counted in
    element.value = element.value.substr(4, *size - 5);
  }
  rest.remove_prefix(end + 1 + *size);
  return element;
}

}  // namespace sonde::wire
