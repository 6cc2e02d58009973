// The order of things: bytes that are fed go to nghttp2, which calls the sinks back from within; what it wants to send
// is fetched behind that, as sending from within a callback is forbidden. Whatever a bound counts is counted at places
// of the stream that no cutting of the input moves: a bound is met at the same byte, however the bytes came.
#include "http2/client_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace sonde::http2 {

using Bytes = std::span<const std::byte>;

struct ClientSession::Stream {
  enum class Block : std::uint8_t { kInterim, kResponse, kTrailers };  // of header fields

  StreamSink* sink;  // null: it is told nothing more
  Bytes body;        // not sent yet
  StreamId id = kNoStream;
  std::size_t block_bytes = 0;  // of the present block
  Block block = Block::kInterim;
  bool answered = false;  // its status was told

  // The last that the sink hears.
  void end() { std::exchange(sink, nullptr)->on_end(); }
  void reset(Reset reset) {
    if (sink != nullptr) std::exchange(sink, nullptr)->on_reset(reset);
  }
};

namespace {

constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kFrameMost = kFrameHeader + 16384;   // that we send
constexpr std::size_t kBodyAhead = std::size_t{64} << 10;  // of a request's body, unsent in outgoing()

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

const std::uint8_t* octets(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool not_in_http2(std::string_view name, std::string_view value) {
  constexpr std::string_view kNames[] = {"connection",       "host",    "http2-settings",   "keep-alive",
                                         "proxy-connection", "upgrade", "transfer-encoding"};
  return std::ranges::find(kNames, name) != std::end(kNames) || (name == "te" && value != "trailers");
}

// The fields of a request as nghttp2 takes them, which copies them.
class Fields {
 public:
  explicit Fields(const Request& request) {
    names_.reserve(request.headers.size() + 1);
    valid_ = request.method != "CONNECT" && !request.path.empty() &&
             nghttp2_check_method(octets(request.method), request.method.size()) == 1 &&
             nghttp2_check_path(octets(request.path), request.path.size()) == 1 &&
             nghttp2_check_authority(octets(request.authority), request.authority.size()) == 1 &&
             (request.scheme == "http" || request.scheme == "https");
    put(":method", request.method);
    put(":scheme", request.scheme);
    if (!request.authority.empty()) put(":authority", request.authority);
    put(":path", request.path);
    bool has_length = request.body.empty();
    for (const Header& header : request.headers) {
      const std::string& name = names_.emplace_back(lower(header.name));
      if (not_in_http2(name, header.value)) continue;
      valid_ = valid_ && nghttp2_check_header_name(octets(name), name.size()) == 1 && name[0] != ':' &&
               nghttp2_check_header_value_rfc9113(octets(header.value), header.value.size()) == 1;
      has_length = has_length || name == "content-length";
      put(name, header.value);
    }
    if (!has_length) put("content-length", names_.emplace_back(fmt::to_string(request.body.size())));
  }

  bool valid() const { return valid_; }
  std::span<const nghttp2_nv> list() const { return list_; }

 private:
  void put(std::string_view name, std::string_view value) {
    list_.push_back({const_cast<std::uint8_t*>(octets(name)), const_cast<std::uint8_t*>(octets(value)), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
  }

  std::vector<std::string> names_;  // never moved: what is put points at them
  std::vector<nghttp2_nv> list_;
  bool valid_ = false;
};

}  // namespace

// What nghttp2 calls back. A friend of the session, so that its members need not be public.
struct Callbacks {
  using Stream = ClientSession::Stream;

  static ClientSession& of(void* user) { return *static_cast<ClientSession*>(user); }
  // Null when nobody wants to hear of it.
  static Stream* heard(nghttp2_session* session, StreamId id) {
    auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
    return stream != nullptr && stream->sink != nullptr ? stream : nullptr;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    Stream* stream = heard(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->block_bytes = 0;
    stream->block = stream->answered ? Stream::Block::kTrailers : Stream::Block::kInterim;
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* user) {
    Stream* stream = heard(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->block_bytes += name_size + value_size + 32;
    if (stream->block_bytes > ClientSession::kHeaderListMax) {
      of(user).event_ = true;
      stream->reset({.why = Reset::Why::kTooLong});
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // RST_STREAM; the rest of the block is not looked at
    }
    tell(of(user), *stream, text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  // nghttp2 has seen to it that the status is three digits and stands first (RFC 9113, 8.3).
  static void tell(ClientSession& session, Stream& stream, std::string_view name, std::string_view value) {
    if (name == ":status") {
      const auto digit = [&](std::size_t i) { return static_cast<unsigned>(value[i] - '0'); };
      const unsigned status = digit(0) * 100 + digit(1) * 10 + digit(2);
      if (status < 200) return;
      stream.block = Stream::Block::kResponse;
      stream.answered = true;
      stream.sink->on_status(status);
    } else if (stream.block == Stream::Block::kResponse) {
      stream.sink->on_header(name, value);
    } else if (stream.block == Stream::Block::kTrailers) {
      stream.sink->on_trailer(name, value);
    } else {
      return;
    }
    session.event_ = true;
  }

  static int data(nghttp2_session* session, std::uint8_t, StreamId id, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    Stream* stream = heard(session, id);
    if (stream == nullptr || size == 0) return 0;
    of(user).event_ = true;
    stream->sink->on_data(std::as_bytes(std::span(bytes, size)));
    return 0;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ClientSession& self = of(user);
      if (self.state_ == ClientSession::State::kOpen) self.state_ = ClientSession::State::kDraining;
      self.goaway_code_ = frame->goaway.error_code;
      return 0;
    }
    const bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    Stream* stream = ends ? heard(session, frame->hd.stream_id) : nullptr;
    if (stream == nullptr) return 0;
    of(user).event_ = true;
    // Answered before the body was sent: what is left of it is not wanted (RFC 9113, 8.1).
    if (!stream->body.empty()) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
    stream->end();
    return 0;
  }

  // Also of a request that cannot be sent any more, because the peer said GOAWAY or it was cancelled: REFUSED_STREAM.
  static int stream_closed(nghttp2_session* session, StreamId id, std::uint32_t code, void* user) {
    auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
    if (stream == nullptr) return 0;
    if (stream->sink != nullptr) of(user).event_ = true;
    const auto why = code == NGHTTP2_REFUSED_STREAM ? Reset::Why::kRefused : Reset::Why::kReset;
    stream->reset({.why = why, .code = code});
    of(user).drop(*stream);
    return 0;
  }

  // A GOAWAY of ours with an error: nghttp2 gives the peer up, and says why in it.
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_GOAWAY || frame->goaway.error_code == NGHTTP2_NO_ERROR) return 0;
    const std::string_view reason = text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len);
    of(user).broken_ = reason.empty() ? std::string(error_name(frame->goaway.error_code)) : std::string(reason);
    return 0;
  }

  static ssize_t body(nghttp2_session*, StreamId, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    auto& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t count = std::min(size, stream.body.size());
    std::memcpy(into, stream.body.data(), count);
    stream.body = stream.body.subspan(count);
    if (stream.body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

namespace {

// What all sessions have in common, made once: nghttp2 copies it into each.
struct Common {
  Common() {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0) return;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_reserved_remote_streams(options, 0);  // pushes that cross our settings
    nghttp2_option_set_max_outbound_ack(options, ClientSession::kQueuedMax);
    ready = true;
  }
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  bool ready = false;
};

const Common& common() {
  static const Common kCommon;
  return kCommon;
}

}  // namespace

ClientSession::ClientSession() {
  if (!begin()) fail(Failure::kLocal, "no memory for an HTTP/2 session");
}

ClientSession::~ClientSession() { nghttp2_session_del(session_); }

bool ClientSession::begin() {
  if (!common().ready || nghttp2_session_client_new2(&session_, common().callbacks, this, common().options) != 0)
    return false;
  constexpr nghttp2_settings_entry kSettings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                                  {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
                                                  {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kHeaderListMax}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, kSettings, std::size(kSettings)) == 0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow) == 0;
}

StreamId ClientSession::submit(const Request& request, StreamSink& sink) {
  if (state_ != State::kOpen || streams_.size() >= kStreamsMax) return kNoStream;
  const Fields fields(request);
  if (!fields.valid()) return kNoStream;
  auto stream = std::make_unique<Stream>(Stream{.sink = &sink, .body = request.body});
  const nghttp2_data_provider body{.source = {.ptr = stream.get()}, .read_callback = Callbacks::body};
  const StreamId id = nghttp2_submit_request(session_, nullptr, fields.list().data(), fields.list().size(),
                                             request.body.empty() ? nullptr : &body, stream.get());
  if (id <= 0) return kNoStream;
  stream->id = id;
  streams_.push_back(std::move(stream));
  return id;
}

void ClientSession::cancel(StreamId id) {
  for (const auto& stream : streams_) {
    if (stream->id != id || stream->sink == nullptr) continue;
    stream->sink = nullptr;
    if (nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL) != 0)
      nghttp2_session_terminate_session(session_, NGHTTP2_INTERNAL_ERROR);  // no memory
    return;
  }
}

void ClientSession::drop(const Stream& stream) {
  std::erase_if(streams_, [&](const auto& other) { return other.get() == &stream; });
}

std::span<const std::byte> ClientSession::outgoing() {
  if (live()) pump();
  return outgoing_.front();
}

// Fetches what nghttp2 has to send, as far as there is room: answers to the peer before bodies of requests.
void ClientSession::pump() {
  SONDE_CHECK(!within_, "a sink may not drive its session");
  within_ = true;
  ssize_t size = 0;
  while (outgoing_.size() + kFrameMost <= kOutgoingMax) {
    if (outgoing_.size() >= kBodyAhead && nghttp2_session_get_outbound_queue_size(session_) == 0) break;
    const std::uint8_t* data = nullptr;
    size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) break;
    outgoing_.append(std::as_bytes(std::span(data, static_cast<std::size_t>(size))));
  }
  within_ = false;
  if (size < 0) return fail_by_nghttp2(static_cast<int>(size));
  if (!broken_.empty()) fail(Failure::kProtocol, fmt::format("HTTP/2 was broken: {}", broken_));
}

ClientSession::State ClientSession::feed(Bytes bytes) {
  SONDE_CHECK(bytes.size() <= kFeedMax, "at most kFeedMax bytes are fed at once");
  while (live() && !bytes.empty()) {
    if (frame_left_ > 0) {
      const std::size_t count = std::min(bytes.size(), frame_left_);
      advance(bytes.first(count));
      frame_left_ -= count;
      bytes = bytes.subspan(count);
    } else {
      const std::size_t count = std::min(bytes.size(), sizeof(header_) - header_size_);
      std::copy_n(bytes.begin(), count, header_ + header_size_);
      header_size_ = static_cast<std::uint8_t>(header_size_ + count);
      bytes = bytes.subspan(count);
      if (header_size_ < sizeof(header_)) break;
      if (!std::exchange(begun_, true) && !opens_as_http2()) break;
      header_size_ = 0;
      const auto octet = [this](int i) { return std::to_integer<std::size_t>(header_[i]); };
      frame_left_ = octet(0) << 16 | octet(1) << 8 | octet(2);
      silent_bytes_ += sizeof(header_) + frame_left_;
      advance(header_);
      if (live()) pump();  // a header that breaks the rules ends all
    }
    if (live() && frame_left_ == 0) end_frame();
  }
  return state_;
}

// SETTINGS, no acknowledgement, of the connection (RFC 9113, 3.4).
bool ClientSession::opens_as_http2() {
  constexpr std::size_t kType = 3, kFlags = 4, kStream = 5;
  const bool settings =
      header_size_ == sizeof(header_) && header_[0] == std::byte{0} && header_[kType] == std::byte{NGHTTP2_SETTINGS} &&
      (header_[kFlags] & std::byte{NGHTTP2_FLAG_ACK}) == std::byte{0} &&
      std::all_of(header_ + kStream, header_ + kFrameHeader, [](std::byte b) { return b == std::byte{0}; });
  if (settings) return true;
  constexpr std::string_view kHttp1 = "HTTP/1.";
  const bool http1 = header_size_ >= kHttp1.size() && std::memcmp(header_, kHttp1.data(), kHttp1.size()) == 0;
  fail(Failure::kNotHttp2, http1 ? "the server does not speak HTTP/2 but HTTP/1" : "the server does not speak HTTP/2");
  return false;
}

void ClientSession::advance(Bytes bytes) {
  SONDE_CHECK(!within_, "a sink may not drive its session");
  within_ = true;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  within_ = false;
  if (taken < 0) fail_by_nghttp2(static_cast<int>(taken));
}

void ClientSession::end_frame() {
  pump();
  if (std::exchange(event_, false)) silent_bytes_ = 0;
  if (live() && silent_bytes_ > kSilentBytesMax) fail(Failure::kProtocol, "the server sends frames without progress");
}

ClientSession::State ClientSession::end_of_input() {
  if (!live()) return state_;
  if (!begun_ && header_size_ == 0) {
    fail(Failure::kClosed, "the server closed the connection without an answer to the HTTP/2 preface");
  } else if (!begun_) {
    opens_as_http2();
  } else if (std::ranges::none_of(streams_, [](const auto& stream) { return stream->sink != nullptr; })) {
    state_ = State::kClosed;
  } else if (goaway_code_ != NGHTTP2_NO_ERROR) {
    fail(Failure::kClosed, fmt::format("the server ended the session: {}", error_name(goaway_code_)));
  } else {
    fail(Failure::kClosed, "the server closed the connection before its answer");
  }
  return state_;
}

void ClientSession::close() {
  if (!live()) return;
  for (const auto& stream : streams_) stream->sink = nullptr;
  nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  pump();
  if (live()) state_ = State::kClosed;
}

void ClientSession::fail(Failure failure, std::string error) {
  state_ = State::kFailed;
  failure_ = failure;
  error_ = std::move(error);
  // nghttp2 is not called again, so that nothing points at the streams.
  for (const auto& stream : std::exchange(streams_, {})) stream->reset({.why = Reset::Why::kSession});
}

// REQUIRES: a call of nghttp2 returned `error`.
void ClientSession::fail_by_nghttp2(int error) {
  switch (error) {
    case NGHTTP2_ERR_NOMEM:
      return fail(Failure::kLocal, "no memory for the HTTP/2 session");
    case NGHTTP2_ERR_FLOODED:
      return fail(Failure::kProtocol, "the server makes the client answer more than is kept unsent");
    default:
      return fail(Failure::kProtocol, fmt::format("HTTP/2 was broken: {}", nghttp2_strerror(error)));
  }
}

std::string_view error_name(std::uint32_t code) { return nghttp2_http2_strerror(code); }

}  // namespace sonde::http2
