// One HTTP/2 connection of a client (RFC 9113), by nghttp2: bytes in, bytes out, requests as streams. It sees no socket
// and no clock. It belongs to one thread at a time and stays where it was made (nghttp2 points at it).
//
//   ClientSession session;
//   const StreamId stream = session.submit({.authority = "host.example", .path = "/"}, sink);
//   for (;;) {
//     send(session.outgoing());      // then session.sent(n): as much as left
//     session.feed(received_bytes);  // any cutting; at most kFeedMax a call; events reach the sinks meanwhile
//   }
//   session.close();                 // GOAWAY; send outgoing() once more
//
// The state moves only forward: open → draining (the peer said GOAWAY: what it took goes on, nothing more is taken) →
// closed, or → failed from open or draining. Failed is final: error() says why; what is in outgoing() (a GOAWAY) should
// still be sent.
//
// Every stream ends in exactly one on_end or on_reset of its sink, unless the caller has cancelled it, closed the
// session or destroyed it. Its windows are kWindow bytes and opened again as the sink has seen the data: who has enough
// cancels.
//
// Bounds: kStreamsMax streams at once; the header fields of one block kHeaderListMax; outgoing() kOutgoingMax; bytes of
// the peer without an event for any sink kSilentBytesMax; answers to its PING and SETTINGS that wait unsent kQueuedMax
// frames; beside nghttp2's own on CONTINUATION frames (8 a block). Past one of them the session has failed, with a
// text; too long a header block ends its stream alone.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/byte_queue.h"

namespace sonde::http2 {

using StreamId = std::int32_t;
inline constexpr StreamId kNoStream = 0;

struct Header {
  std::string_view name, value;
};

struct Request {
  std::string_view method = "GET";  // any but CONNECT
  std::string_view scheme = "https";
  std::string_view authority;  // empty: not sent
  std::string_view path = "/";
  // Names in any case, they are sent in lower case. What HTTP/2 does not have (RFC 9113, 8.2.2: Connection and its
  // like) is left out, and Host, whose place `authority` has. Content-Length is added when there is a body and none is
  // named.
  std::span<const Header> headers;
  std::span<const std::byte> body;  // borrowed until the stream has ended, was cancelled or the session is gone
};

struct Reset {
  enum class Why : std::uint8_t {
    kReset,    // the peer broke the stream off, or broke the rules in it: `code` says how (RFC 9113, 7)
    kRefused,  // the peer has not acted on the request, which may be sent again on another connection (8.7)
    kTooLong,  // a header block of more than kHeaderListMax
    kSession,  // the session ended or failed before the answer did
  };
  Why why = Why::kReset;
  std::uint32_t code = 0;
};

// What comes of one request, in the order of the wire. All that is handed over is borrowed for the call. A call may
// cancel() streams and submit() requests; it may not feed, close or destroy the session.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void on_status(unsigned status) = 0;  // 200 to 999; interim responses (1xx) are passed over
  virtual void on_header(std::string_view name, std::string_view value) = 0;
  virtual void on_trailer(std::string_view name, std::string_view value) = 0;
  virtual void on_data(std::span<const std::byte> bytes) = 0;  // never empty
  virtual void on_end() = 0;
  virtual void on_reset(Reset reset) = 0;
};

class ClientSession {
 public:
  enum class State : std::uint8_t { kOpen, kDraining, kClosed, kFailed };
  // Whose failure it is, in the terms of results::Outcome.
  enum class Failure : std::uint8_t {
    kNone,
    kNotHttp2,  // protocol_error: the peer does not speak HTTP/2
    kProtocol,  // protocol_error: it broke HTTP/2, or went past a bound
    kClosed,    // closed: it ended before its answers did
    kLocal,     // local_error: memory
  };
  static constexpr std::size_t kFeedMax = 32 * 1024;
  static constexpr std::size_t kOutgoingMax = 256 * 1024;
  static constexpr std::size_t kHeaderListMax = 64 * 1024;         // counted as in RFC 9113, 6.5.2
  static constexpr std::size_t kSilentBytesMax = 2 * 1024 * 1024;  // what a cancelled stream had under way, twice
  static constexpr std::size_t kQueuedMax = 8192;
  static constexpr std::size_t kStreamsMax = 100;
  static constexpr std::int32_t kWindow = 1024 * 1024;

  ClientSession();
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  State state() const { return state_; }
  Failure failure() const { return failure_; }
  const std::string& error() const { return error_; }  // short plain words; empty unless failed
  std::size_t streams() const { return streams_.size(); }

  // The sink must live until the stream has ended. Returns kNoStream when the session is not open, has kStreamsMax
  // streams, or the request holds what no header may (RFC 9113, 8.2.1).
  StreamId submit(const Request& request, StreamSink& sink);
  // RST_STREAM with CANCEL; its sink hears nothing more. Ignored for a stream that is over.
  void cancel(StreamId stream);

  // Bytes of the peer, at most kFeedMax, borrowed for the call. Ignored once closed or failed.
  State feed(std::span<const std::byte> bytes);
  // The peer sent FIN, or the connection was reset: failed when an answer is missing or the peer never spoke, else
  // closed.
  State end_of_input();

  // Bytes to send; first the preface with our settings. Valid until the next call.
  std::span<const std::byte> outgoing();
  void sent(std::size_t count) { outgoing_.drop(count); }

  // Says GOAWAY; closed from then on. Sinks hear nothing more.
  void close();

 private:
  friend struct Callbacks;
  struct Stream;

  bool live() const { return state_ == State::kOpen || state_ == State::kDraining; }
  bool begin();
  bool opens_as_http2();
  void advance(std::span<const std::byte> bytes);
  void end_frame();
  void pump();
  void drop(const Stream& stream);
  void fail(Failure failure, std::string error);
  void fail_by_nghttp2(int error);

  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;
  memory::ByteQueue outgoing_;
  std::string error_;
  std::string broken_;             // why nghttp2 gave the peer up
  std::size_t frame_left_ = 0;     // bytes to come of the frame whose header came last
  std::size_t silent_bytes_ = 0;   // since a sink heard something
  std::uint32_t goaway_code_ = 0;  // that the peer said
  std::byte header_[9] = {};       // of the next frame, while it is incomplete
  std::uint8_t header_size_ = 0;
  State state_ = State::kOpen;
  Failure failure_ = Failure::kNone;
  bool begun_ = false;   // the header of the first frame is there
  bool event_ = false;   // a sink heard something within the present frame
  bool within_ = false;  // nghttp2 is at work
};

// The name of an error code (RFC 9113, 7); "unknown" for what is none.
std::string_view error_name(std::uint32_t code);

}  // namespace sonde::http2
