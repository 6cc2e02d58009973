// One connection that is a WebSocket by now: what is being written to its client, and what the client says meanwhile.
// One thing at a time is in its hand: the source is asked for a frame when nothing is. So a slow client has nothing
// queued for it, and what it is sent is what is so at that time. It never waits: its worker calls turn() when the
// socket can be read or written and when due() has come. Time is passed in. Its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "gateway/server/http_service.h"
#include "gateway/server/server_transport.h"
#include "metrics/counter.h"
#include "wire/websocket.h"

namespace sonde::gateway {

struct StreamCounters {
  metrics::Counter streams;  // at this time
  metrics::Counter frames;   // of the source, that were written whole; bytes: in them
  metrics::Counter bytes;
};

struct StreamTerms {
  Nanos write_timeout = 0;  // for a client that takes not a byte, or does not answer a ping
  Nanos ping_after = 0;     // without a sign of life
};

class ServerStream {
 public:
  enum class Fate : std::uint8_t {
    kGoesOn,
    kFarewell,  // a close frame is out: the connection is to be closed as after a last answer
    kOver,      // the client went, or broke TLS
    kTimeout,   // it does not take what it is sent, or shows no sign of life
  };
  static constexpr std::size_t kMostMessage = 4096;  // bytes of a client's message: it has nothing to say
  static constexpr int kMostUnsent = 64 << 10;       // bytes that wait in the kernel

  // `greeting` goes before all frames: the answer to the handshake. `counters` outlive it.
  ServerStream(std::shared_ptr<FrameSource> frames, std::string greeting, StreamTerms terms, StreamCounters& counters,
               Nanos now);
  ~ServerStream() { counters_.streams.subtract(); }
  ServerStream(const ServerStream&) = delete;
  ServerStream& operator=(const ServerStream&) = delete;

  // Bytes that came behind the handshake.
  void hear(std::string_view bytes, Nanos now);
  // Reads what came, writes what goes; at most one frame of the source. Nothing may be called behind another fate.
  Fate turn(Transport& transport, std::span<char> scratch, Nanos now);
  // Says a close frame behind what is in hand, and asks for no more.
  void leave(std::uint16_t code);

  bool wants_write() const { return wants_write_; }  // besides reading, which it always waits for
  Nanos due() const;

 private:
  enum class Hand : std::uint8_t { kEmpty, kControl, kPing, kFrame, kClose };

  bool read(Transport& transport, std::span<char> scratch, Nanos now);
  bool take_up(bool may_ask, Nanos now);
  bool is_late(Nanos now) const;
  Transport::Moved write(Transport& transport) const;
  void written(Nanos now);

  const std::shared_ptr<FrameSource> frames_;
  const StreamTerms terms_;
  StreamCounters& counters_;

  Hand hand_ = Hand::kControl;
  std::string head_;                         // of what is in hand, or all of it
  std::shared_ptr<const std::string> body_;  // of kFrame
  std::size_t sent_ = 0;                     // of both
  Nanos blocked_ = kNever;                   // since when the client took nothing of it
  Nanos ask_at_ = 0;                         // not before

  wire::WebSocketListener listener_{kMostMessage};
  std::string input_;  // of a frame that is not whole
  std::optional<std::string> pong_;
  std::optional<std::uint16_t> close_;
  Nanos alive_;            // when the client last showed it
  Nanos pinged_ = kNever;  // since then
  bool wants_write_ = false;
};

}  // namespace sonde::gateway
