// For tests and benchmarks of this folder: a sink that keeps all as text, frames by hand (RFC 9113, 4.1), and an HTTP/2
// server in memory by nghttp2's server side. The server answers each request by `answer`, once the request is whole.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http2/client_session.h"

namespace sonde::http2 {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "200 a=b c=d;body;t=v.": status, fields, data between ';', trailers, '.' at the end; "!refused" or "!reset 8" if not.
struct Log : StreamSink {
  void on_status(unsigned status) override { text += std::to_string(status); }
  void on_header(std::string_view name, std::string_view value) override { field(name, value); }
  void on_trailer(std::string_view name, std::string_view value) override {
    part(2);
    field(name, value);
  }
  void on_data(std::span<const std::byte> bytes) override {
    SONDE_CHECK(!bytes.empty(), "data is never empty");
    part(1);
    text += text_of(bytes);
    if (on_bytes) on_bytes();
  }
  void on_end() override { finish("."); }
  void on_reset(Reset reset) override {
    constexpr const char* kWhy[] = {"reset", "refused", "too long", "session"};
    finish(std::string("!") + kWhy[static_cast<int>(reset.why)]);
    if (reset.code != 0 && reset.why == Reset::Why::kReset) text += " " + std::to_string(reset.code);
  }

  bool over() const { return over_; }

  std::string text;
  std::function<void()> on_bytes;

 private:
  void field(std::string_view name, std::string_view value) { text.append(" ").append(name).append("=").append(value); }
  void part(int number) {
    if (std::exchange(part_, number) != number) text += ';';
  }
  void finish(std::string_view how) {
    SONDE_CHECK(!std::exchange(over_, true), "a stream ends once");
    text += how;
  }
  int part_ = 0;
  bool over_ = false;
};

inline std::string frame(unsigned type, unsigned flags, std::uint32_t stream, std::string_view payload) {
  const auto octet = [](std::uint64_t value) { return static_cast<char>(value & 0xff); };
  std::string out = {
      octet(payload.size() >> 16), octet(payload.size() >> 8), octet(payload.size()), octet(type),  octet(flags),
      octet(stream >> 24),         octet(stream >> 16),        octet(stream >> 8),    octet(stream)};
  return out.append(payload);
}

// A literal field without indexing, both parts shorter than 127 (RFC 7541, 6.2.2).
inline std::string literal(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out += static_cast<char>(name.size());
  out += name;
  out += static_cast<char>(value.size());
  return out.append(value);
}

inline const std::string kStatus200 = "\x88";  // of the static table

struct Answer {
  std::vector<std::pair<std::string, std::string>> fields = {{":status", "200"}};
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  bool early_hints = false;  // a 103 first
};

class MemoryServer {
 public:
  struct Seen {
    std::string fields;  // "name=value " each, in wire order
    std::string body;
  };

  explicit MemoryServer(std::vector<nghttp2_settings_entry> settings = {}) {
    nghttp2_session_callbacks* callbacks = nullptr;
    SONDE_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "memory");
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
          std::string& fields = static_cast<MemoryServer*>(user)->seen[frame->hd.stream_id].fields;
          fields.append(reinterpret_cast<const char*>(name), name_size).append("=");
          fields.append(reinterpret_cast<const char*>(value), value_size).append(" ");
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, StreamId id, const std::uint8_t* data, std::size_t size, void* user) {
          static_cast<MemoryServer*>(user)->seen[id].body.append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          auto* self = static_cast<MemoryServer*>(user);
          if (frame->hd.type == NGHTTP2_GOAWAY) self->goaway = true;
          if (frame->hd.type == NGHTTP2_RST_STREAM) self->resets[frame->hd.stream_id] = frame->rst_stream.error_code;
          if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
              (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            self->answer(*self, frame->hd.stream_id);
          return 0;
        });
    SONDE_CHECK(nghttp2_session_server_new(&session, callbacks, this) == 0, "memory");
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  }
  ~MemoryServer() { nghttp2_session_del(session); }
  MemoryServer(const MemoryServer&) = delete;
  MemoryServer& operator=(const MemoryServer&) = delete;

  void feed(std::span<const std::byte> bytes) {
    const ssize_t taken =
        nghttp2_session_mem_recv(session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    SONDE_CHECK(taken == static_cast<ssize_t>(bytes.size()), "the client speaks HTTP/2");
  }
  std::string output() {
    std::string out;
    for (;;) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session, &data);
      SONDE_CHECK(size >= 0, "the server sends");
      if (size == 0) return out;
      out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
  }

  void respond(StreamId id, const Answer& with) {
    if (with.early_hints) headers(id, {{":status", "103"}, {"link", "</a.css>"}});
    Sending& sending = sending_[id] = {.answer = with};
    const nghttp2_data_provider provider{.source = {.ptr = &sending}, .read_callback = read};
    const auto list = nv(sending.answer.fields);
    nghttp2_submit_response(session, id, list.data(), list.size(), &provider);
  }

  nghttp2_session* session = nullptr;
  std::map<StreamId, Seen> seen;
  std::map<StreamId, std::uint32_t> resets;
  bool goaway = false;
  std::function<void(MemoryServer&, StreamId)> answer = [](MemoryServer& self, StreamId id) { self.respond(id, {}); };

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Sending {
    Answer answer;
    std::size_t sent = 0;
  };

  static std::vector<nghttp2_nv> nv(const Fields& fields) {
    std::vector<nghttp2_nv> out;
    for (const auto& [name, value] : fields)
      out.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                     reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                     NGHTTP2_NV_FLAG_NONE});
    return out;
  }
  void headers(StreamId id, const Fields& fields) {
    const auto list = nv(fields);
    nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id, nullptr, list.data(), list.size(), nullptr);
  }
  static ssize_t read(nghttp2_session* session, StreamId id, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    auto& sending = *static_cast<Sending*>(source->ptr);
    const std::size_t count = sending.answer.body.copy(reinterpret_cast<char*>(into), size, sending.sent);
    sending.sent += count;
    if (sending.sent < sending.answer.body.size()) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!sending.answer.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto list = nv(sending.answer.trailers);
      nghttp2_submit_trailer(session, id, list.data(), list.size());
    }
    return static_cast<ssize_t>(count);
  }

  std::map<StreamId, Sending> sending_;
};

inline std::string take(ClientSession& client) {
  std::string out = text_of(client.outgoing());
  client.sent(out.size());
  return out;
}

inline void feed(ClientSession& client, std::string_view text, std::size_t piece = ClientSession::kFeedMax) {
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) client.feed(bytes_of(text.substr(0, piece)));
}

// Until neither has anything to say.
inline void converse(ClientSession& client, MemoryServer& server) {
  for (;;) {
    const std::string request = take(client);
    server.feed(bytes_of(request));
    const std::string reply = server.output();
    if (request.empty() && reply.empty()) return;
    feed(client, reply);
  }
}

}  // namespace sonde::http2
