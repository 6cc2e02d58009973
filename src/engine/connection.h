// One connection in flight: a slot of the shard's slab, reused with a new generation. Hot state only, two cache lines;
// a probe's own state lives in a second slab, its bytes in lent buffers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "engine/lifecycle.h"
#include "engine/probe.h"
#include "engine/timer_wheel.h"
#include "results/outcome.h"

namespace sonde::engine {

struct Connection : TimerNode {       // the node of its nearest deadline
  Probe* probe = nullptr;             // null until connected
  std::unique_ptr<std::string> host;  // null for a bare address
  std::uint64_t position = 0;
  Nanos started = 0;       // the attempt's first act
  Nanos wake_at = kNever;  // of the probe; while Idle, when that has lasted too long
  IpAddress address;
  // Durations by Phase, dns to first_byte; kNoTiming where it did not happen.
  std::array<std::int32_t, 5> phase_us{};
  std::int32_t phase_start_us = 0;  // since `started`
  std::uint32_t index = 0;          // of this slot, for good
  std::uint32_t generation = 0;     // of its use
  Lifecycle lifecycle;
  std::uint16_t port = 0;
  results::Phase phase = results::Phase::kConnect;
  std::uint8_t module = 0;    // which probe of the pass
  std::uint8_t attempts = 1;  // this one counted in
  std::uint8_t local_faults = 0;
  bool received : 1 = false;  // any byte came
  bool reading : 1 = false;   // a read is outstanding
  bool writing : 1 = false;
  bool limited : 1 = false;  // holds its share of the per-host and per-prefix limits
  bool live : 1 = false;     // the slot is in use

  ConnectionId id() const { return {.index = index, .generation = generation}; }
};
static_assert(sizeof(Connection) <= 128, "the budget of a connection");

}  // namespace sonde::engine
