// A WebSocket client's side, for tests: frames as it sends them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/websocket.h"

namespace sonde::wire {

// Masked with the key of RFC 6455 5.7's examples.
inline std::string client_frame(WebSocketOpcode opcode, std::string_view payload, bool final = true) {
  static constexpr std::array<unsigned char, 4> kMask = {0x37, 0xfa, 0x21, 0x3d};
  std::string frame;
  append_websocket_head(opcode, payload.size(), frame);
  if (!final) frame[0] = static_cast<char>(frame[0] & 0x7f);
  frame[1] = static_cast<char>(frame[1] | 0x80);
  for (const unsigned char c : kMask) frame += static_cast<char>(c);
  for (std::size_t i = 0; i < payload.size(); ++i)
    frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]);
  return frame;
}

inline std::string close_body(std::uint16_t code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + std::string(reason);
}

}  // namespace sonde::wire
