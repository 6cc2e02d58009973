// Drives a banner probe in virtual time, for tests and a fuzzer: pieces of bytes, each some time after the one before,
// then silence, FIN or RST. A wake fires only when the probe asked for it, and before bytes of the same moment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "probes/banner/drive.h"
#include "wire/line.h"

namespace sonde::probes {

struct Piece {
  std::string_view bytes;
  Nanos after = 0;  // since the piece before, or since the connection
};

struct Timed {
  Heard heard;
  Nanos took = 0;                // from the connection to the verdict
  std::uint64_t leases_out = 0;  // when the probe is gone
  bool operator==(const Timed&) const = default;
};

inline constexpr Nanos kReadBudget = 5 * kSecond;

class TimedRun {
 public:
  TimedRun(const engine::ProbeModule& module, std::uint16_t port)
      : module_(module),
        state_(module.state_bytes() + alignof(std::max_align_t)),
        context_{.now = kStart, .endpoint = {.address = IpAddress::v4(1), .port = port}, .host = {}, .pool = pool_} {}

  Timed run(const std::vector<Piece>& pieces, End end) {
    void* memory = state_.data() + (alignof(std::max_align_t) -
                                    reinterpret_cast<std::uintptr_t>(state_.data()) % alignof(std::max_align_t));
    engine::Probe* probe = module_.create(memory);
    take(probe->start(context_));
    Nanos at = kStart;
    for (const Piece& piece : pieces) {
      at += piece.after;
      pass_time(*probe, at);
      if (done_) break;
      if (!piece.bytes.empty()) take(probe->on_bytes(context_, wire::as_bytes(piece.bytes)));
    }
    if (!done_ && end == End::kSilence) pass_time(*probe, kStart + kReadBudget);
    if (!done_)
      take(end == End::kFin ? probe->on_eof(context_) : probe->on_failure(context_, results::Outcome::kReset));
    SONDE_CHECK(done_, "a verdict at the end");
    timed_.took = context_.now - kStart;
    note_fields(*probe);
    probe->~Probe();
    timed_.leases_out = pool_.stats().in_use;
    return timed_;
  }

 private:
  static constexpr Nanos kStart = kSecond;

  void take(const engine::Step& step) {
    if (step.kind == engine::Step::Kind::kSend) timed_.heard.sent += wire::as_text(step.bytes);
    if (step.kind != engine::Step::Kind::kDone) return;
    done_ = true;
    timed_.heard.outcome = step.outcome;
  }

  // Up to `until`: the wakes that were asked for, and the read deadline when it comes.
  void pass_time(engine::Probe& probe, Nanos until) {
    while (!done_) {
      const Nanos next = std::min(context_.wake_at, kStart + kReadBudget);
      if (next > until) {
        context_.now = std::max(context_.now, until);
        return;
      }
      context_.now = std::max(context_.now, next);
      if (next == kStart + kReadBudget) {
        take(probe.on_deadline(context_));
        SONDE_CHECK(done_, "a verdict at the deadline");
      } else {
        context_.wake_at = kNever;
        take(probe.on_wake(context_));
      }
    }
  }

  void note_fields(const engine::Probe& probe) {
    std::vector<results::Value> values(module_.fields().size());
    probe.fill(values);
    const auto text_of = [&](std::size_t i) {
      const auto* text = std::get_if<std::string>(&values[i]);
      return text != nullptr ? *text : std::string();
    };
    timed_.heard.protocol = text_of(0);
    timed_.heard.text = text_of(1);
    timed_.heard.product = text_of(3);
    if (const auto* bytes = std::get_if<std::int64_t>(&values[2])) timed_.heard.bytes = *bytes;
  }

  const engine::ProbeModule& module_;
  memory::RingPool pool_{std::size_t{64} << 10};
  std::vector<std::byte> state_;
  engine::ProbeContext context_;
  Timed timed_;
  bool done_ = false;
};

}  // namespace sonde::probes
