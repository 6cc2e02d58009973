#include "gateway/server/server_stream.h"

#include <algorithm>
#include <utility>

#include "wire/line.h"

namespace sonde::gateway {
namespace {

constexpr int kReads = 4;                           // in a turn
constexpr Nanos kNothingPause = 10 * kMillisecond;  // behind a source that has nothing and names no time

}  // namespace

ServerStream::ServerStream(std::shared_ptr<FrameSource> frames, std::string greeting, StreamTerms terms,
                           StreamCounters& counters, Nanos now)
    : frames_(std::move(frames)), terms_(terms), counters_(counters), head_(std::move(greeting)), alive_(now) {
  counters_.streams.add();
}

void ServerStream::leave(std::uint16_t code) {
  if (!close_) close_ = code;
}

void ServerStream::hear(std::string_view bytes, Nanos now) {
  if (bytes.empty()) return;
  alive_ = now;
  pinged_ = kNever;
  if (close_) return;  // it has been told that nothing more is heard
  input_ += bytes;
  std::span<const std::byte> rest = wire::as_bytes(input_);
  using Heard = wire::WebSocketListener::Heard;
  for (Heard heard = Heard::kMessage; heard != Heard::kMore && !close_;) {
    heard = listener_.take(rest);
    if (heard == Heard::kPing) pong_ = listener_.payload();  // the last one is answered (RFC 6455 5.5.3)
    if (heard == Heard::kClose || heard == Heard::kBreach) close_ = listener_.code();
  }
  input_.erase(0, input_.size() - rest.size());
}

// False: nothing more comes.
bool ServerStream::read(Transport& transport, std::span<char> scratch, Nanos now) {
  for (int i = 0; i < kReads; ++i) {
    const Transport::Moved moved = transport.read(scratch);
    if (moved.next == Transport::Next::kOver) return false;
    wants_write_ |= moved.next == Transport::Next::kWrite;
    if (moved.next != Transport::Next::kDone) return true;
    hear({scratch.data(), moved.bytes}, now);
  }
  return true;  // the rest lies in the socket: `scratch` takes a whole TLS record
}

bool ServerStream::is_late(Nanos now) const {
  if (blocked_ != kNever) return now >= blocked_ + terms_.write_timeout;
  return pinged_ != kNever && now >= pinged_ + terms_.write_timeout;
}

// The next thing to say. What is more urgent goes first.
bool ServerStream::take_up(bool may_ask, Nanos now) {
  head_.clear();
  body_.reset();
  sent_ = 0;
  hand_ = Hand::kEmpty;
  if (close_) {
    hand_ = Hand::kClose;
    wire::append_websocket_close(*close_, head_);
  } else if (pong_) {
    hand_ = Hand::kControl;
    wire::append_websocket_head(wire::WebSocketOpcode::kPong, pong_->size(), head_);
    head_ += *pong_;
    pong_.reset();
  } else if (pinged_ == kNever && now >= alive_ + terms_.ping_after) {
    hand_ = Hand::kPing;
    wire::append_websocket_head(wire::WebSocketOpcode::kPing, 0, head_);
  } else if (may_ask && now >= std::max(ask_at_, frames_->next_time())) {
    body_ = frames_->next(now);
    ask_at_ = body_ ? 0 : now + kNothingPause;
    if (body_) {
      hand_ = Hand::kFrame;
      wire::append_websocket_head(wire::WebSocketOpcode::kBinary, body_->size(), head_);
    }
  }
  return hand_ != Hand::kEmpty;
}

Transport::Moved ServerStream::write(Transport& transport) const {
  const std::string_view body = body_ ? std::string_view(*body_) : std::string_view();
  if (sent_ < head_.size()) return transport.write(std::string_view(head_).substr(sent_), body);
  return transport.write(body.substr(sent_ - head_.size()), {});
}

void ServerStream::written(Nanos now) {
  if (hand_ == Hand::kPing) pinged_ = now;
  if (hand_ != Hand::kFrame) return;
  counters_.frames.add();
  counters_.bytes.add(body_->size());
}

ServerStream::Fate ServerStream::turn(Transport& transport, std::span<char> scratch, Nanos now) {
  wants_write_ = false;
  if (!read(transport, scratch, now)) return Fate::kOver;
  bool may_ask = true;
  while (hand_ != Hand::kEmpty || take_up(may_ask, now)) {
    may_ask &= hand_ != Hand::kFrame;
    const Transport::Moved moved = write(transport);
    if (moved.next == Transport::Next::kOver) return Fate::kOver;
    sent_ += moved.bytes;
    if (blocked_ != kNever && moved.bytes > 0) {  // there was no room, and there is: it takes what is before a ping
      alive_ = now;
      if (pinged_ != kNever) pinged_ = now;
    }
    if (moved.next != Transport::Next::kDone) {
      if (blocked_ == kNever || moved.bytes > 0) blocked_ = now;
      wants_write_ |= moved.next == Transport::Next::kWrite;
      break;
    }
    blocked_ = kNever;
    written(now);
    if (hand_ == Hand::kClose) return Fate::kFarewell;
    hand_ = Hand::kEmpty;
    body_.reset();
  }
  return is_late(now) ? Fate::kTimeout : Fate::kGoesOn;
}

Nanos ServerStream::due() const {
  if (blocked_ != kNever) return blocked_ + terms_.write_timeout;
  const Nanos life = pinged_ == kNever ? alive_ + terms_.ping_after : pinged_ + terms_.write_timeout;
  return std::min(life, std::max(ask_at_, frames_->next_time()));
}

}  // namespace sonde::gateway
