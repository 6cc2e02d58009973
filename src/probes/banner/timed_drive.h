// Drives a banner probe in virtual time, for tests and fuzzers. The peer holds the same conversation on every
// connection, or one for each: pieces of bytes, each some time after the one before, then silence, FIN or RST. A wake
// fires only when the probe asked for it, and before bytes of the same moment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "probes/banner/banner_fields.h"
#include "probes/banner/hellos.h"
#include "wire/line.h"

namespace sonde::probes {

enum class End : std::uint8_t { kSilence, kFin, kReset };

struct Piece {
  std::string_view bytes;
  Nanos after = 0;  // since the piece before, or since the connection
  // Comes only where the client has said something by then; else it and all behind it stays away.
  bool answers = false;
};

struct Conversation {
  std::vector<Piece> pieces;
  End end = End::kSilence;
};

struct Spoken {
  results::Outcome outcome = results::Outcome::kSuccess;
  std::string error, protocol, text, product, version, answer, hello, suspect, tls;
  std::vector<std::string> kex, ciphers;
  std::string sent;  // without the SSH identification, which a server that is quick enough does not get
  std::int64_t bytes = 0;
  bool operator==(const Spoken&) const = default;
};

struct Timed {
  Spoken heard;
  Nanos took = 0;  // from the first connection to the verdict
  std::uint32_t connections = 1;
  std::uint64_t leases_out = 0;                          // when the probe is gone
  results::Outcome waited = results::Outcome::kSuccess;  // what the first reconnect said of its connection
  bool operator==(const Timed&) const = default;
};

inline constexpr Nanos kReadBudget = 5 * kSecond;

class TimedRun {
 public:
  TimedRun(const engine::ProbeModule& module, std::uint16_t port, IpAddress address = IpAddress::v4(1))
      : module_(module),
        state_(module.state_bytes() + alignof(std::max_align_t)),
        context_{.now = kStart, .endpoint = {.address = address, .port = port}, .host = {}, .pool = pool_} {}

  Timed run(const std::vector<Piece>& pieces, End end) { return run({Conversation{.pieces = pieces, .end = end}}); }

  // One for each connection; the last goes for all that follow.
  Timed run(const std::vector<Conversation>& conversations) {
    void* memory = state_.data() + (alignof(std::max_align_t) -
                                    reinterpret_cast<std::uintptr_t>(state_.data()) % alignof(std::max_align_t));
    engine::Probe* probe = module_.create(memory);
    while (!done_) {
      SONDE_CHECK(timed_.connections <= HelloPlan::kMost, "a probe has four connections at most");
      hold(*probe, conversations[std::min<std::size_t>(context_.connection, conversations.size() - 1)]);
      if (done_) break;
      ++context_.connection;
      ++timed_.connections;
    }
    timed_.took = context_.now - kStart;
    note_fields(*probe);
    probe->~Probe();
    timed_.leases_out = pool_.stats().in_use;
    return timed_;
  }

  // How long the handshakes take; none at all by default.
  Nanos connect_time = 0;

 private:
  static constexpr Nanos kStart = kSecond;

  void hold(engine::Probe& probe, const Conversation& conversation) {
    left_ = spoken_to_ = false;
    context_.started = context_.now - connect_time;
    context_.wake_at = kNever;
    deadline_ = context_.now + kReadBudget;
    Nanos at = context_.now;
    take(probe.start(context_));
    for (const Piece& piece : conversation.pieces) {
      at += piece.after;
      pass_time(probe, at);
      if (over()) return;
      if (piece.answers && !spoken_to_) break;
      if (!piece.bytes.empty()) take(probe.on_bytes(context_, wire::as_bytes(piece.bytes)));
      if (over()) return;
    }
    if (conversation.end == End::kSilence) pass_time(probe, deadline_);
    if (over()) return;
    take(conversation.end == End::kFin ? probe.on_eof(context_) : probe.on_failure(context_, results::Outcome::kReset));
    SONDE_CHECK(over(), "a verdict at the end");
  }

  bool over() const { return done_ || left_; }

  void take(const engine::Step& step) {
    using Kind = engine::Step::Kind;
    if (step.kind == Kind::kSend) {
      spoken_to_ = true;
      if (wire::as_text(step.bytes) != kSshIdentification) timed_.heard.sent += wire::as_text(step.bytes);
    }
    if (step.kind == Kind::kReconnect) {
      left_ = true;
      if (timed_.connections == 1) timed_.waited = step.outcome;
    }
    if (step.kind != Kind::kDone) return;
    done_ = true;
    timed_.heard.outcome = step.outcome;
    timed_.heard.error = step.error;
  }

  // Up to `until`: the wakes that were asked for, and the read deadline when it comes.
  void pass_time(engine::Probe& probe, Nanos until) {
    while (!over()) {
      const Nanos next = std::min(context_.wake_at, deadline_);
      if (next > until) {
        context_.now = std::max(context_.now, until);
        return;
      }
      context_.now = std::max(context_.now, next);
      if (next == deadline_) {
        take(probe.on_deadline(context_));
        SONDE_CHECK(over(), "a verdict at the deadline");
      } else {
        context_.wake_at = kNever;
        take(probe.on_wake(context_));
      }
    }
  }

  void note_fields(const engine::Probe& probe) {
    std::vector<results::Value> values(module_.fields().size());
    probe.fill(values);
    const auto value_of = [&]<typename Type>(BannerField field, const Type& none) {
      const auto* value = std::get_if<Type>(&values[static_cast<std::size_t>(field)]);
      return value != nullptr ? *value : none;
    };
    const auto text_of = [&](BannerField field) { return value_of(field, std::string()); };
    Spoken& heard = timed_.heard;
    heard.protocol = text_of(BannerField::kProtocol);
    heard.text = text_of(BannerField::kText);
    heard.product = text_of(BannerField::kProduct);
    heard.version = text_of(BannerField::kVersion);
    heard.tls = text_of(BannerField::kTls);
    heard.answer = text_of(BannerField::kAnswer);
    heard.hello = text_of(BannerField::kHello);
    heard.suspect = text_of(BannerField::kSuspect);
    heard.kex = value_of(BannerField::kSshKex, std::vector<std::string>());
    heard.ciphers = value_of(BannerField::kSshCiphers, std::vector<std::string>());
    heard.bytes = value_of(BannerField::kBytes, std::int64_t{0});
  }

  const engine::ProbeModule& module_;
  memory::RingPool pool_{std::size_t{64} << 10};
  std::vector<std::byte> state_;
  engine::ProbeContext context_;
  Timed timed_;
  Nanos deadline_ = 0;
  bool done_ = false;
  bool left_ = false;       // the connection
  bool spoken_to_ = false;  // the client said something on this connection
};

// Bytes in any pieces at once, cut at ascending offsets, then how it ends.
inline Spoken drive(const engine::ProbeModule& module, std::string_view text, End end,
                    const std::vector<std::size_t>& cuts, std::uint16_t port) {
  std::vector<Piece> pieces;
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    pieces.push_back({.bytes = text.substr(from, to - from)});
    from = to;
  }
  pieces.push_back({.bytes = text.substr(from)});
  return TimedRun(module, port).run(pieces, end).heard;
}

}  // namespace sonde::probes
