#include "wire/mqtt.h"

namespace sonde::wire {

std::string_view mqtt_code_name(std::uint8_t code) {
  switch (code) {
    case 0:
      return "accepted";
    case 1:
    case 0x84:
      return "unsupported_version";
    case 2:
    case 0x85:
      return "identifier_rejected";
    case 3:
    case 0x88:
      return "unavailable";
    case 4:
    case 0x86:
      return "bad_credentials";
    case 5:
    case 0x87:
      return "not_authorized";
    default:
      return "refused";
  }
}

ParseResult<MqttConnack> MqttConnackProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<MqttConnack>;
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  const auto wrong = [] { return Result::fail("not a CONNACK"); };
  if (!bytes.empty() && at(0) != 0x20) return wrong();
  if (bytes.size() < 2) return Result::more(min_frame_size() - bytes.size());
  // Flags and a code; of version 5 a third byte at least, the length of the properties.
  const std::size_t length = at(1);
  if (length < 2 || length > kLimit - 3) return wrong();
  if (bytes.size() > 2 && at(2) > 1) return wrong();
  if (bytes.size() > 3 && (at(3) > 5 && at(3) < 0x80)) return wrong();
  if (bytes.size() > 4 && length > 2 && at(4) != length - 3) return wrong();
  if (bytes.size() < 2 + length) return Result::more(2 + length - bytes.size());
  return Result::got({.code = static_cast<std::uint8_t>(at(3))}, 2 + length);
}

}  // namespace sonde::wire
