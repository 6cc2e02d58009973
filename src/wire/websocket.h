// WebSocket (RFC 6455) as a server speaks it: what its handshake wants, the head of what it sends, and what clients
// send: frames, which are masked, and the messages that they make.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

// ── the handshake (4.2) ──────────────────────────────────────────────────────────────────────────────────────────

inline constexpr std::string_view kWebSocketVersion = "13";

// Whether a Sec-WebSocket-Key is the base64 of 16 bytes.
bool is_websocket_key(std::string_view key);

// Sec-WebSocket-Accept for that key.
std::string websocket_accept(std::string_view key);

// ── frames (5.2) ─────────────────────────────────────────────────────────────────────────────────────────────────

enum class WebSocketOpcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};
constexpr bool is_control(WebSocketOpcode opcode) { return opcode >= WebSocketOpcode::kClose; }

// Codes of a close frame (7.4.1); a client may say others.
inline constexpr std::uint16_t kWebSocketGoingAway = 1001;
inline constexpr std::uint16_t kWebSocketProtocolError = 1002;
inline constexpr std::uint16_t kWebSocketNoCode = 1005;  // never sent: the frame had none
inline constexpr std::uint16_t kWebSocketBadText = 1007;
inline constexpr std::uint16_t kWebSocketPolicy = 1008;
inline constexpr std::uint16_t kWebSocketTooBig = 1009;

inline constexpr std::size_t kWebSocketControlMax = 125;  // bytes in a control frame (5.5)

// The head of a whole message as a server sends it: not masked, in one frame. The payload follows.
void append_websocket_head(WebSocketOpcode opcode, std::uint64_t payload, std::string& out);
// A close frame; without a body for kWebSocketNoCode.
void append_websocket_close(std::uint16_t code, std::string& out);

struct WebSocketFrame {
  WebSocketOpcode opcode = WebSocketOpcode::kContinuation;
  bool final = true;  // the last of its message
  std::array<std::byte, 4> mask{};
  std::span<const std::byte> masked;  // the payload, as it came
};

// The payload as it was meant.
std::string unmasked(const WebSocketFrame& frame);

// Frames of a client: masked, without extensions, of the shortest form, control frames whole and short.
class WebSocketProcessor {
 public:
  using Frame = WebSocketFrame;
  static constexpr std::size_t min_frame_size() { return 2 + 4; }
  static constexpr const char* kTooLong = "a WebSocket frame is too long";

  // limit: bytes of a payload; more is the error kTooLong.
  explicit WebSocketProcessor(std::size_t limit) : limit_(limit) {}
  ParseResult<Frame> parse(std::span<const std::byte> bytes) const;

 private:
  std::size_t limit_;
};

// ── messages (5.4) ───────────────────────────────────────────────────────────────────────────────────────────────

// What a client's frames come to, for a server that has to answer it and to bound it, and reads no message: pings,
// closes, and breaches. The frames of a message may take `limit` bytes, their heads counted in, so that a message that
// never ends does.
class WebSocketListener {
 public:
  enum class Heard : std::uint8_t {
    kMore,     // all frames that are whole were taken
    kMessage,  // or a part of one
    kPing,     // to be answered with payload()
    kPong,
    kClose,   // by the client, to be answered with code()
    kBreach,  // to be ended with code()
  };

  explicit WebSocketListener(std::size_t limit) : limit_(limit), frames_(limit) {}

  // The next frame off the front of `bytes`, where it lies. Nothing may be asked behind kClose and kBreach.
  Heard take(std::span<const std::byte>& bytes);

  const std::string& payload() const { return payload_; }
  std::uint16_t code() const { return code_; }

 private:
  Heard breach(std::uint16_t code);
  Heard read_message(const WebSocketFrame& frame, std::size_t size);
  Heard read_close(const std::string& body);

  std::size_t limit_;
  WebSocketProcessor frames_;
  bool within_ = false;   // of a message; its end is to come
  std::size_t size_ = 0;  // of its frames so far
  std::string payload_;
  std::uint16_t code_ = kWebSocketNoCode;
};

}  // namespace sonde::wire
