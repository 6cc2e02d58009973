#include "wire/mongodb.h"

#include "wire/bson.h"
#include "wire/line.h"
#include "wire/little_endian.h"

namespace sonde::wire {
namespace {

constexpr std::size_t kHeader = 16;        // length, requestID, responseTo, opCode
constexpr std::size_t kReplyFields = 20;   // flags, cursor, first, count
constexpr std::size_t kMessageFields = 5;  // flags, the kind of the section
constexpr std::uint32_t kReply = 1;
constexpr std::uint32_t kMessage = 2013;

}  // namespace

std::string_view mongo_release(std::int32_t max_wire_version) {
  switch (max_wire_version) {  // src/mongo/db/wire_version.h
    case 2:
      return "2.6";
    case 3:
      return "3.0";
    case 4:
      return "3.2";
    case 5:
      return "3.4";
    case 6:
      return "3.6";
    case 7:
      return "4.0";
    case 8:
      return "4.2";
    case 9:
      return "4.4";
    case 13:
      return "5.0";
    case 17:
      return "6.0";
    case 21:
      return "7.0";
    case 25:
      return "8.0";
    default:
      return "";
  }
}

ParseResult<MongoAnswer> MongoProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<MongoAnswer>;
  const std::string_view all = as_text(bytes);
  const auto wrong = [] { return Result::fail("not a MongoDB answer"); };
  if (all.size() < 4) return Result::more(min_frame_size() - all.size());
  const std::size_t length = le32(all, 0);
  if (length < min_frame_size() || length > kLimit) return wrong();
  if (all.size() >= 12 && le32(all, 8) != kMongoRequestId) return wrong();
  if (all.size() < kHeader) return Result::more(min_frame_size() - all.size());
  const std::uint32_t code = le32(all, 12);
  if (code != kReply && code != kMessage) return wrong();
  if (all.size() < length) return Result::more(length - all.size());
  const std::size_t at = kHeader + (code == kReply ? kReplyFields : kMessageFields);
  if (length < at + 5) return wrong();
  std::string_view document = all.substr(at, length - at);
  const std::size_t size = le32(document, 0);
  if (size < 5 || size > document.size()) return wrong();
  document = document.substr(4, size - 5);
  MongoAnswer answer;
  while (const std::optional<BsonElement> element = bson_take(document)) {
    if (element->name == "maxWireVersion" && element->type == static_cast<std::uint8_t>(BsonType::kInt32))
      answer.max_wire_version = static_cast<std::int32_t>(le32(element->value, 0));
    if (element->name == "version" && element->type == static_cast<std::uint8_t>(BsonType::kString))
      answer.version = element->value;
  }
  return Result::got(answer, length);
}

}  // namespace sonde::wire
