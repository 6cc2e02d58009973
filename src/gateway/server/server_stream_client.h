// For the tests of WebSockets: sources of numbered frames, and a client that reads what a server sends.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/server/server_client.h"
#include "wire/websocket.h"
#include "wire/websocket_client.h"

namespace sonde::gateway {

// "1", "2", … each filled up with dots to `size` bytes; `many` of them, at once or when `time` says.
class NumberedFrames final : public FrameSource {
 public:
  explicit NumberedFrames(std::size_t size = 1, int many = 1'000'000) : size_(size), many_(many) {}
  std::shared_ptr<const std::string> next(Nanos) override {
    ++asked;
    if (given_ == many_) return nullptr;
    return std::make_shared<const std::string>(text(++given_, size_));
  }
  Nanos next_time() const override { return time; }

  static std::string text(int number, std::size_t size) {
    std::string out = std::to_string(number);
    out.resize(std::max(size, out.size()), '.');
    return out;
  }

  std::atomic<int> asked = 0;
  std::atomic<Nanos> time = 0;

 private:
  const std::size_t size_;
  const int many_;
  int given_ = 0;
};

// "/stream" is a WebSocket of the frames that `make` makes, or of none; all else says "ok".
class StreamService final : public HttpService {
 public:
  void serve(HttpRequest request, Reply reply) override {
    if (request.path != "/stream") return reply({.status = 200, .body = "ok", .fields = {}});
    auto frames = make();
    {
      const std::lock_guard lock(mutex_);
      made_.push_back(frames);
    }
    reply({.status = 101, .type = {}, .fields = {}, .frames = std::move(frames)});
  }
  std::shared_ptr<NumberedFrames> frames(std::size_t index) {  // null: they are gone
    const std::lock_guard lock(mutex_);
    return made_.at(index).lock();
  }
  std::size_t made() {
    const std::lock_guard lock(mutex_);
    return made_.size();
  }

  std::function<std::shared_ptr<NumberedFrames>()> make = [] { return std::make_shared<NumberedFrames>(1, 0); };

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<NumberedFrames>> made_;
};

inline std::string open_stream(std::string_view fields = {}) {
  return get("/stream",
             "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                 std::string(fields));
}

// What a server sends: one frame a message, not masked.
struct ServerFrame {
  wire::WebSocketOpcode opcode = wire::WebSocketOpcode::kContinuation;
  std::string payload;
  bool operator==(const ServerFrame&) const = default;
};

// Off the front of `bytes`; nothing: it is not whole.
inline std::optional<ServerFrame> take_frame(std::string& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  EXPECT_EQ(byte(0) & 0xf0, 0x80) << "a whole message";
  const std::size_t wide = byte(1) == 126 ? 2 : byte(1) == 127 ? 8 : 0;
  if (bytes.size() < 2 + wide) return std::nullopt;
  std::size_t size = wide == 0 ? byte(1) : 0;
  for (std::size_t i = 0; i < wide; ++i) size = size << 8 | byte(2 + i);
  if (bytes.size() < 2 + wide + size) return std::nullopt;
  ServerFrame frame{static_cast<wire::WebSocketOpcode>(byte(0) & 0x0f), bytes.substr(2 + wide, size)};
  bytes.erase(0, 2 + wide + size);
  return frame;
}

inline ServerFrame closed_with(std::uint16_t code) { return {wire::WebSocketOpcode::kClose, wire::close_body(code)}; }

class StreamClient {
 public:
  explicit StreamClient(std::uint16_t port, int receive_buffer = 0, std::string_view fields = {})
      : client_(port, receive_buffer) {
    const std::string response = client_.ask(open_stream(fields));
    EXPECT_EQ(status_of(response), 101U) << response;
    EXPECT_NE(response.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  }
  // The next one; an empty continuation where the connection ended.
  ServerFrame frame() {
    std::string& bytes = client_.bytes();
    for (;;) {
      if (auto frame = take_frame(bytes)) return *frame;
      if (!client_.more()) return {};
    }
  }
  bool send(std::string_view bytes) { return client_.send(bytes); }
  bool ended() { return client_.ended(); }
  void finish() { client_.finish(); }

 private:
  Client client_;
};

}  // namespace sonde::gateway
