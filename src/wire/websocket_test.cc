#include "wire/websocket.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/cut_anywhere.h"
#include "wire/line.h"
#include "wire/websocket_client.h"

namespace sonde::wire {
namespace {

using Heard = WebSocketListener::Heard;
using Kind = ParseResult<WebSocketFrame>::Kind;
using enum WebSocketOpcode;

constexpr std::size_t kLimit = 4096;

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}
ParseResult<WebSocketFrame> parse(std::string_view bytes) { return WebSocketProcessor(kLimit).parse(as_bytes(bytes)); }

TEST(WebSocket, the_handshake_of_the_rfc) {
  EXPECT_TRUE(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const char* bad : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=a",
                          "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZTEyMw=="})
    EXPECT_FALSE(is_websocket_key(bad)) << bad;
}

TEST(WebSocket, heads_are_of_the_shortest_form) {
  const std::vector<std::pair<std::uint64_t, std::string>> heads = {
      {0, bytes_of({0x82, 0})},
      {125, bytes_of({0x82, 125})},
      {126, bytes_of({0x82, 126, 0, 126})},
      {256, bytes_of({0x82, 0x7e, 0x01, 0x00})},  // 5.7
      {65535, bytes_of({0x82, 126, 0xff, 0xff})},
      {65536, bytes_of({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0})},  // 5.7
      {std::uint64_t{1} << 40, bytes_of({0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0})},
  };
  for (const auto& [length, head] : heads) {
    std::string out;
    append_websocket_head(kBinary, length, out);
    EXPECT_EQ(out, head) << length;
  }
}

TEST(WebSocket, a_close_frame_has_its_code_or_nothing) {
  std::string out;
  append_websocket_close(kWebSocketGoingAway, out);
  EXPECT_EQ(out, bytes_of({0x88, 2, 0x03, 0xe9}));
  out.clear();
  append_websocket_close(kWebSocketNoCode, out);
  EXPECT_EQ(out, bytes_of({0x88, 0}));
}

TEST(WebSocket, the_masked_frames_of_the_rfc) {
  const std::string hello_bytes = bytes_of({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58});
  const auto hello = parse(hello_bytes);  // the frame borrows
  ASSERT_EQ(hello.kind, Kind::kFrame);
  EXPECT_EQ(hello.consumed, 11U);
  EXPECT_EQ(hello.frame.opcode, kText);
  EXPECT_TRUE(hello.frame.final);
  EXPECT_EQ(unmasked(hello.frame), "Hello");
  const std::string pong_bytes = bytes_of({0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58});
  const auto pong = parse(pong_bytes);
  EXPECT_EQ(pong.frame.opcode, kPong);
  EXPECT_EQ(unmasked(pong.frame), "Hello");
}

TEST(WebSocket, frames_of_each_length_are_read_and_however_they_are_cut) {
  std::string all;
  for (const std::size_t length : {0U, 1U, 125U, 126U, 127U, 4096U}) {
    const std::string payload(length, 'x');
    const std::string frame = client_frame(kBinary, payload, length != 127);
    const auto parsed = parse(frame);
    ASSERT_EQ(parsed.kind, Kind::kFrame) << length;
    EXPECT_EQ(parsed.consumed, frame.size());
    EXPECT_EQ(parsed.frame.final, length != 127);
    EXPECT_EQ(unmasked(parsed.frame), payload);
    all += frame;
  }
  check_cut_anywhere(WebSocketProcessor(kLimit), as_bytes(all), [](const WebSocketFrame& a, const WebSocketFrame& b) {
    return a.opcode == b.opcode && a.final == b.final && unmasked(a) == unmasked(b);
  });
}

TEST(WebSocket, what_is_no_frame_of_a_client_is_refused_as_soon_as_that_is_seen) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {bytes_of({0x81, 0x05, 'H', 'e', 'l', 'l', 'o'}), "a client's WebSocket frame is not masked"},
      {bytes_of({0xc1}), "a reserved bit of a WebSocket frame is set"},
      {bytes_of({0x91}), "a reserved bit of a WebSocket frame is set"},
      {bytes_of({0x83}), "a WebSocket frame's opcode is reserved"},
      {bytes_of({0x8b}), "a WebSocket frame's opcode is reserved"},
      {bytes_of({0x09}), "a WebSocket control frame is a fragment"},
      {bytes_of({0x89, 0x80 | 126}), "a WebSocket control frame is too long"},
      {bytes_of({0x82, 0x80 | 126, 0, 125, 1, 2, 3, 4}), "a WebSocket frame's length is not in its shortest form"},
      {bytes_of({0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}),
       "a WebSocket frame's length is not in its shortest form"},
      {bytes_of({0x82, 0x80 | 126, 0x10, 0x01, 1, 2, 3, 4}), WebSocketProcessor::kTooLong},
      {bytes_of({0x82, 0x80 | 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}),
       WebSocketProcessor::kTooLong},
  };
  for (const auto& [bytes, error] : bad) {
    const auto parsed = parse(bytes);
    EXPECT_EQ(parsed.kind, Kind::kError) << error;
    EXPECT_EQ(std::string(parsed.error), error);
  }
}

// What is heard of these frames, and the last code.
std::pair<std::vector<Heard>, std::uint16_t> hear(std::string_view frames) {
  WebSocketListener listener(kLimit);
  std::span<const std::byte> bytes = as_bytes(frames);
  std::vector<Heard> all;
  do all.push_back(listener.take(bytes));
  while (all.back() != Heard::kMore && all.back() != Heard::kClose && all.back() != Heard::kBreach);
  return {all, listener.code()};
}

TEST(WebSocketListener, messages_may_come_in_fragments_with_control_frames_between) {
  const std::string frames = client_frame(kText, "a", false) + client_frame(kPing, "p") +
                             client_frame(kContinuation, "b", false) + client_frame(kPong, "") +
                             client_frame(kContinuation, "c") + client_frame(kBinary, "d");
  EXPECT_EQ(hear(frames).first, (std::vector{Heard::kMessage, Heard::kPing, Heard::kMessage, Heard::kPong,
                                             Heard::kMessage, Heard::kMessage, Heard::kMore}));
}

TEST(WebSocketListener, a_ping_is_told_with_what_it_said) {
  WebSocketListener listener(kLimit);
  const std::string longest(kWebSocketControlMax, 'p');
  const std::string frame = client_frame(kPing, longest);
  std::span<const std::byte> bytes = as_bytes(frame);
  EXPECT_EQ(listener.take(bytes), Heard::kPing);
  EXPECT_EQ(listener.payload(), longest);
  EXPECT_TRUE(bytes.empty());
}

TEST(WebSocketListener, a_close_is_told_with_its_code) {
  EXPECT_EQ(hear(client_frame(kClose, "")), (std::pair{std::vector{Heard::kClose}, kWebSocketNoCode}));
  for (const std::uint16_t code : {1000, 1001, 1003, 1011, 3000, 4999})
    EXPECT_EQ(hear(client_frame(kClose, close_body(code, "so \xc3\xa4"))),
              (std::pair{std::vector{Heard::kClose}, code}));
}

TEST(WebSocketListener, a_breach_is_told_with_the_code_that_ends_it) {
  const std::vector<std::pair<std::string, std::uint16_t>> breaches = {
      {client_frame(kContinuation, "of nothing"), kWebSocketProtocolError},
      {client_frame(kText, "a", false) + client_frame(kText, "b"), kWebSocketProtocolError},
      {"GET / HTTP/1.1\r\n", kWebSocketProtocolError},
      {client_frame(kClose, "1"), kWebSocketProtocolError},
      {client_frame(kClose, close_body(999)), kWebSocketProtocolError},
      {client_frame(kClose, close_body(1005)), kWebSocketProtocolError},
      {client_frame(kClose, close_body(1006)), kWebSocketProtocolError},
      {client_frame(kClose, close_body(1015)), kWebSocketProtocolError},
      {client_frame(kClose, close_body(5000)), kWebSocketProtocolError},
      {client_frame(kClose, close_body(1000, "\xff")), kWebSocketBadText},
      {client_frame(kText, std::string(kLimit + 1, 'x')), kWebSocketTooBig},
  };
  for (const auto& [frames, code] : breaches) {
    const auto [heard, told] = hear(frames);
    EXPECT_EQ(heard.back(), Heard::kBreach);
    EXPECT_EQ(told, code);
  }
}

TEST(WebSocketListener, fragments_without_end_end_even_if_they_are_empty) {
  std::string frames = client_frame(kText, "", false);
  for (std::size_t i = 0; i < kLimit; ++i) frames += client_frame(kContinuation, "", false);
  const auto [heard, code] = hear(frames);
  EXPECT_EQ(heard.back(), Heard::kBreach);
  EXPECT_EQ(code, kWebSocketTooBig);
  EXPECT_LE(heard.size(), kLimit / WebSocketProcessor::min_frame_size() + 1);
}

}  // namespace
}  // namespace sonde::wire
