// MQTT's CONNACK, the answer to a CONNECT (MQTT 3.1.1, 3.2; MQTT 5.0, 3.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct MqttConnack {
  std::uint8_t code = 0;  // 0: accepted
};

// "accepted", "bad_credentials", "not_authorized"…; "refused" for a code without a name here.
std::string_view mqtt_code_name(std::uint8_t code);

class MqttConnackProcessor {
 public:
  using Frame = MqttConnack;
  static constexpr std::size_t kLimit = 130;                   // one byte of length, as a server's first answer has
  static constexpr std::size_t min_frame_size() { return 4; }  // 20 02 flags code
  ParseResult<MqttConnack> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
