// The elements of one BSON document (bsonspec.org, version 1.1), top level only: documents and arrays inside are
// stepped over by their length, so that their depth costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sonde::wire {

enum class BsonType : std::uint8_t { kDouble = 0x01, kString = 0x02, kBoolean = 0x08, kInt32 = 0x10, kInt64 = 0x12 };

struct BsonElement {
  std::uint8_t type = 0;
  std::string_view name;
  std::string_view value;  // of a string its text; else the bytes as they are
};

// Takes the next element off the front of `rest`, which is what stands between a document's length and its final zero.
// nullopt: the end, or what is no element.
std::optional<BsonElement> bson_take(std::string_view& rest);

}  // namespace sonde::wire
