// One connection in flight: a slot of the shard's slab, reused with a new generation. Hot state only, two cache lines;
// a probe's own state lives in a second slab, its bytes in lent buffers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "base/transport.h"
#include "engine/lifecycle.h"
#include "engine/probe.h"
#include "engine/timer_wheel.h"
#include "memory/state_slab.h"
#include "results/outcome.h"
#include "results/record.h"
#include "targets/target_source.h"

namespace sonde::engine {

// What a record tells of the connection under its probe.
struct ConnectionFacts {
  results::Phase phase = results::Phase::kConnect;  // where it stood
  results::Cause cause = results::Cause::kNone;
  std::array<std::int32_t, results::kPhaseNames.size()> timing_us{};
  std::optional<results::TcpFacts> tcp;
};

// A probe that goes from one connection to another, and what its record tells of the first. Destroys the probe where no
// connection has taken it.
struct Carried {
  explicit Carried(memory::StateSlab& its_states) : states(&its_states) {}
  Carried(const Carried&) = delete;
  Carried& operator=(const Carried&) = delete;
  ~Carried() {
    if (probe == nullptr) return;
    probe->~Probe();
    states->release(probe);
  }

  Probe* probe = nullptr;  // null while a connection has it
  memory::StateSlab* states;
  std::uint32_t connections = 0;  // that came before the present one, or the one that is waited for
  bool same_task = false;         // the present connection goes on with what the one before began
  std::int32_t spent_us = 0;      // by the connections before, of that task
  ConnectionFacts first;          // of the first connection, or of the task so far
  Endpoint target;                // what the record names
  std::string target_host;
};

// The addresses of one name that are tried in turn, and beside each other, until one connects (shard_race.cc).
struct Race {
  struct Failure {
    IpAddress address;
    results::Outcome outcome;
    const char* error;  // a literal
  };
  std::vector<IpAddress> addresses;  // in the order of their turns; none that is excluded
  std::size_t next = 1;              // whose turn comes next
  std::vector<ConnectionId> rivals;  // that try beside the leader
  std::optional<Failure> failure;    // the most telling so far
  bool over = false;                 // all have failed
};

// What few connections need, outside of the slot.
struct Companion {
  std::string host;  // empty for a bare address
  std::string path;  // of a target that was a URL
  targets::Scheme scheme = targets::Scheme::kNone;
  std::unique_ptr<Carried> carried;
  std::int32_t read_start_us =
      0;  // since `started`, behind a handshake that began late (STARTTLS) or of a later exchange; else 0
  std::int32_t read_us = results::kNoTiming;  // of the exchanges before the present one
  std::unique_ptr<Race> race;                 // of its leader, until one has won
  ConnectionId leader;                        // of a rival; generation 0: it is none

  bool follows() const { return leader.generation != 0; }
};

struct Connection : TimerNode {          // the node of its nearest deadline
  Probe* probe = nullptr;                // null until connected
  std::unique_ptr<Companion> companion;  // mostly null
  std::uint64_t position = 0;
  Nanos started = 0;       // the attempt's first act
  Nanos wake_at = kNever;  // of the probe; while Idle or Closing, when that has lasted too long
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
  std::uint8_t local_faults : 5 = 0;
  std::uint8_t pace_round : 1 = 0;  // in which its prefix let it start
  Transport transport : 2 = Transport::kTcp;
  bool received : 1 = false;  // any byte came; since the TLS handshake began or ended, if there was one
  bool answered : 1 = false;  // any byte came at all
  bool sent : 1 = false;      // anything was written
  bool reading : 1 = false;   // a read is outstanding
  bool writing : 1 = false;
  bool limited : 1 = false;   // holds its share of the per-host and per-prefix limits
  bool live : 1 = false;      // the slot is in use
  bool graceful : 1 = false;  // Closing: with FIN behind the farewell

  Carried* carried() const { return companion ? companion->carried.get() : nullptr; }
  ConnectionId id() const { return {.index = index, .generation = generation}; }
};
static_assert(sizeof(Connection) <= 128, "the budget of a connection");

}  // namespace sonde::engine
