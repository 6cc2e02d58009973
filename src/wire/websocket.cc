#include "wire/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/utf8.h"
#include "wire/ascii.h"
#include "wire/byte_reader.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<WebSocketFrame>;

constexpr std::uint8_t kFinal = 0x80, kReserved = 0x70, kOpcode = 0x0f;
constexpr std::uint8_t kMasked = 0x80, kLength = 0x7f, kLength16 = 126, kLength64 = 127;

bool is_opcode(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// 7.4: those that may stand in a frame.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

bool is_websocket_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") && std::ranges::all_of(key.substr(0, 22), [](char c) {
           return is_letter(c) || is_digit(c) || c == '+' || c == '/';
         });
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // 1.3
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string accept(28, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(accept.data()), digest.data(), digest.size());  // and its NUL
  return accept;
}

void append_websocket_head(WebSocketOpcode opcode, std::uint64_t payload, std::string& out) {
  out += static_cast<char>(kFinal | static_cast<std::uint8_t>(opcode));
  int bytes = 0;  // of the length, behind the byte that says how many
  if (payload < kLength16) {
    out += static_cast<char>(payload);
  } else {
    bytes = payload <= 0xffff ? 2 : 8;
    out += static_cast<char>(bytes == 2 ? kLength16 : kLength64);
  }
  while (bytes-- > 0) out += static_cast<char>(payload >> (8 * bytes) & 0xff);
}

void append_websocket_close(std::uint16_t code, std::string& out) {
  append_websocket_head(WebSocketOpcode::kClose, code == kWebSocketNoCode ? 0 : 2, out);
  if (code == kWebSocketNoCode) return;
  out += static_cast<char>(code >> 8);
  out += static_cast<char>(code & 0xff);
}

std::string unmasked(const WebSocketFrame& frame) {
  std::string out;
  out.reserve(frame.masked.size());
  for (std::size_t i = 0; i < frame.masked.size(); ++i)
    out += static_cast<char>(frame.masked[i] ^ frame.mask.at(i % 4));
  return out;
}

Result WebSocketProcessor::parse(std::span<const std::byte> bytes) const {
  // What is wrong in the first two bytes is said at once: no more of it need come.
  if (bytes.empty()) return Result::more(min_frame_size());
  const auto first = std::to_integer<std::uint8_t>(bytes[0]);
  const auto opcode = static_cast<WebSocketOpcode>(first & kOpcode);
  if ((first & kReserved) != 0) return Result::fail("a reserved bit of a WebSocket frame is set");
  if (!is_opcode(first & kOpcode)) return Result::fail("a WebSocket frame's opcode is reserved");
  if (is_control(opcode) && (first & kFinal) == 0) return Result::fail("a WebSocket control frame is a fragment");
  if (bytes.size() < 2) return Result::more(min_frame_size() - bytes.size());
  const auto second = std::to_integer<std::uint8_t>(bytes[1]);
  if ((second & kMasked) == 0) return Result::fail("a client's WebSocket frame is not masked");
  const std::uint8_t code = second & kLength;
  if (is_control(opcode) && code > kWebSocketControlMax) return Result::fail("a WebSocket control frame is too long");

  const std::size_t head = 2 + (code == kLength16 ? 2U : code == kLength64 ? 8U : 0U) + 4;
  if (bytes.size() < head) return Result::more(head - bytes.size());
  ByteReader reader(bytes.subspan(2));
  std::uint64_t length = code;
  if (code == kLength16) length = reader.u16();
  if (code == kLength64) {
    const std::uint64_t high = reader.u32();
    length = high << 32 | reader.u32();
  }
  if ((code == kLength16 && length < kLength16) || (code == kLength64 && length <= 0xffff))
    return Result::fail("a WebSocket frame's length is not in its shortest form");
  if (length > limit_) return Result::fail(kTooLong);
  WebSocketFrame frame{.opcode = opcode, .final = (first & kFinal) != 0, .mask = {}, .masked = {}};
  std::ranges::copy(reader.bytes(4), frame.mask.begin());
  if (bytes.size() < head + length) return Result::more(head + static_cast<std::size_t>(length) - bytes.size());
  frame.masked = bytes.subspan(head, static_cast<std::size_t>(length));
  return Result::got(frame, head + static_cast<std::size_t>(length));
}

WebSocketListener::Heard WebSocketListener::breach(std::uint16_t code) {
  code_ = code;
  return Heard::kBreach;
}

WebSocketListener::Heard WebSocketListener::take(std::span<const std::byte>& bytes) {
  const Result result = frames_.parse(bytes);
  if (result.kind == Result::Kind::kNeed) return Heard::kMore;
  if (result.kind == Result::Kind::kError)
    return breach(std::string_view(result.error) == WebSocketProcessor::kTooLong ? kWebSocketTooBig
                                                                                 : kWebSocketProtocolError);
  bytes = bytes.subspan(result.consumed);
  switch (result.frame.opcode) {
    case WebSocketOpcode::kPing:
      payload_ = unmasked(result.frame);
      return Heard::kPing;
    case WebSocketOpcode::kPong:
      return Heard::kPong;
    case WebSocketOpcode::kClose:
      return read_close(unmasked(result.frame));
    case WebSocketOpcode::kContinuation:
    case WebSocketOpcode::kText:
    case WebSocketOpcode::kBinary:
      break;
  }
  return read_message(result.frame, result.consumed);
}

WebSocketListener::Heard WebSocketListener::read_message(const WebSocketFrame& frame, std::size_t size) {
  const bool goes_on = frame.opcode == WebSocketOpcode::kContinuation;
  if (goes_on != within_) return breach(kWebSocketProtocolError);
  size_ = goes_on ? size_ + size : size;
  within_ = !frame.final;
  return size_ > limit_ ? breach(kWebSocketTooBig) : Heard::kMessage;
}

WebSocketListener::Heard WebSocketListener::read_close(const std::string& body) {
  code_ = kWebSocketNoCode;
  if (body.empty()) return Heard::kClose;
  if (body.size() == 1) return breach(kWebSocketProtocolError);
  ByteReader reader(std::as_bytes(std::span(body)));
  const std::uint16_t code = reader.u16();
  if (!may_be_sent(code)) return breach(kWebSocketProtocolError);
  if (!is_utf8(std::string_view(body).substr(2))) return breach(kWebSocketBadText);
  code_ = code;
  return Heard::kClose;
}

}  // namespace sonde::wire
