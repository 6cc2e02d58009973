#include "wire/amqp.h"

#include <algorithm>

#include "wire/byte_reader.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<AmqpAnswer>;
using namespace std::string_view_literals;

// The bytes of a field value of a type (AMQP 0-9-1, 4.2.1, and what RabbitMQ makes of it); false for a type that is not
// known, behind which nothing can be read.
bool take_value(ByteReader& table, char type, std::span<const std::byte>& value) {
  switch (type) {
    case 'V':
      value = {};
      return true;
    case 't':
    case 'b':
    case 'B':
      value = table.bytes(1);
      return true;
    case 's':
    case 'u':
    case 'U':
      value = table.bytes(2);
      return true;
    case 'D':
      value = table.bytes(5);
      return true;
    case 'I':
    case 'i':
    case 'f':
      value = table.bytes(4);
      return true;
    case 'l':
    case 'L':
    case 'd':
    case 'T':
      value = table.bytes(8);
      return true;
    case 'S':
    case 'A':
    case 'F':
    case 'x':
      value = table.vector32();  // tables and arrays are stepped over by their length, however deep they are
      return true;
    default:
      return false;
  }
}

void read_properties(std::span<const std::byte> bytes, AmqpAnswer& answer) {
  ByteReader table(bytes);
  while (!table.at_end()) {
    const std::string_view name = as_text(table.vector8());
    const char type = static_cast<char>(table.u8());
    std::span<const std::byte> value;
    if (!take_value(table, type, value) || !table.ok()) return;
    if (type == 'S' && name == "product") answer.product = as_text(value);
    if (type == 'S' && name == "version") answer.version = as_text(value);
  }
}

}  // namespace

ParseResult<AmqpAnswer> AmqpProcessor::parse(std::span<const std::byte> bytes) const {
  constexpr std::string_view kName = "AMQP";
  constexpr std::size_t kHeader = 8;
  constexpr std::string_view kFrame = "\x01\0\0"sv;      // a method, on channel 0
  constexpr std::string_view kStart = "\0\x0a\0\x0a"sv;  // class connection, method start
  constexpr std::size_t kPayloadAt = 7;
  const std::string_view all = as_text(bytes);
  if (all.empty()) return Result::more(min_frame_size());
  if (may_begin(all, kName)) {
    if (all.size() < kHeader) return Result::more(kHeader - all.size());
    return Result::got({}, kHeader);
  }
  if (!may_begin(all, kFrame) || (all.size() > kPayloadAt && !may_begin(all.substr(kPayloadAt), kStart)))
    return Result::fail("not an AMQP answer");
  if (all.size() < kPayloadAt) return Result::more(std::max(min_frame_size(), kPayloadAt) - all.size());
  ByteReader reader(bytes.subspan(kFrame.size()));
  const std::size_t size = reader.u32();
  // The method's numbers, version, an empty table and two empty strings; the octet 0xce ends a frame.
  if (size < 4 + 2 + 12 || size > kLimit - kPayloadAt - 1) return Result::fail("not an AMQP Connection.Start");
  const std::size_t whole = kPayloadAt + size + 1;
  if (all.size() < whole) return Result::more(whole - all.size());
  if (all[whole - 1] != '\xce') return Result::fail("an AMQP frame does not end where it should");
  ByteReader method(bytes.subspan(kPayloadAt, size));
  method.bytes(4 + 2);
  const std::span<const std::byte> properties = method.vector32();
  if (!method.ok()) return Result::fail("not an AMQP Connection.Start");
  AmqpAnswer answer{.started = true};
  read_properties(properties, answer);
  return Result::got(answer, whole);
}

}  // namespace sonde::wire
