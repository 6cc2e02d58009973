// Drives a banner probe by hand, for its test and its fuzzer: bytes in any pieces, then silence, FIN or RST. Time
// passes only between the last bytes and the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "wire/line.h"

namespace sonde::probes {

enum class End : std::uint8_t { kSilence, kFin, kReset };

struct Heard {
  results::Outcome outcome = results::Outcome::kSuccess;
  std::string protocol, text, product, sent;
  std::int64_t bytes = 0;
  bool operator==(const Heard&) const = default;
};

// cuts: ascending offsets at which `text` is cut.
inline Heard drive(const engine::ProbeModule& module, std::string_view text, End end,
                   const std::vector<std::size_t>& cuts, std::uint16_t port) {
  using Kind = engine::Step::Kind;
  memory::RingPool pool(std::size_t{64} << 10);
  std::vector<std::byte> state(module.state_bytes() + alignof(std::max_align_t));
  void* memory = state.data() + (alignof(std::max_align_t) -
                                 reinterpret_cast<std::uintptr_t>(state.data()) % alignof(std::max_align_t));
  engine::Probe* probe = module.create(memory);
  engine::ProbeContext context{
      .now = kSecond, .endpoint = {.address = IpAddress::v4(1), .port = port}, .host = {}, .pool = pool};
  Heard heard;
  engine::Step step = probe->start(context);
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size() && step.kind == Kind::kMore; ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : text.size();
    if (to > from) step = probe->on_bytes(context, wire::as_bytes(text.substr(from, to - from)));
    from = to;
  }
  const Nanos deadline = context.now + 5 * kSecond;
  while (step.kind != Kind::kDone && end == End::kSilence) {
    if (step.kind == Kind::kSend) heard.sent += wire::as_text(step.bytes);
    context.now = std::min(context.wake_at, deadline);
    if (context.now == deadline) {
      step = probe->on_deadline(context);
      SONDE_CHECK(step.kind == Kind::kDone, "a verdict at the deadline");
    } else {
      context.wake_at = kNever;
      step = probe->on_wake(context);
    }
  }
  if (step.kind != Kind::kDone)
    step = end == End::kFin ? probe->on_eof(context) : probe->on_failure(context, results::Outcome::kReset);
  SONDE_CHECK(step.kind == Kind::kDone, "a verdict at the end");
  heard.outcome = step.outcome;
  std::vector<results::Value> values(module.fields().size());
  probe->fill(values);
  const auto text_of = [&](std::size_t i) {
    return values[i].index() == 3 ? std::get<std::string>(values[i]) : std::string();
  };
  heard.protocol = text_of(0);
  heard.text = text_of(1);
  heard.product = text_of(3);
  if (values[2].index() == 1) heard.bytes = std::get<std::int64_t>(values[2]);
  probe->~Probe();
  return heard;
}

}  // namespace sonde::probes
