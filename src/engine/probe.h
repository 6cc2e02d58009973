// The contract between the engine and a probe. A probe is a pure state machine over bytes: it never sees a socket, a
// clock it could read by itself, a thread or a file. One Probe object lives for one attempt on one target (and the
// further connections that it asks for), in a slot of ProbeModule::state_bytes() bytes of the shard's slab. All calls
// come from the shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "memory/ring_pool.h"
#include "results/outcome.h"
#include "results/record.h"

namespace sonde::engine {

// What a module keeps for one shard: keys, caches, what other threads answer. Made, used and destroyed on the shard's
// side; outlives the shard's probes.
class ShardState {
 public:
  virtual ~ShardState() = default;
};

// What the engine lends to a probe during a call. Not to be kept.
struct ProbeContext {
  Nanos now;  // constant within the call
  Endpoint endpoint;
  std::string_view host;         // empty for a bare address
  memory::RingPool& pool;        // for bytes that must outlive the call; give back in ~Probe
  Nanos wake_at = kNever;        // in/out: when on_wake is due; the phase deadlines stand beside it
  Nanos unix_now = 0;            // the wall clock's `now`
  Nanos started = 0;             // this connection's first act (its DNS query or SYN)
  ShardState* state = nullptr;   // what the module keeps for this shard; null when it keeps nothing
  std::uint32_t connection = 0;  // how many connections of this probe came before
  // in/out: a TLS handshake runs. While it does the phase is tls, with a budget of its own (--tls-timeout), and the
  // connection is Handshaking; before it and after it the phases are those of plain reading and writing.
  bool handshaking = false;
};

// Fields of a record that another thread still works on. The record waits for it, beside the connections; the
// connection does not.
class LateFields {
 public:
  virtual ~LateFields() = default;
  virtual bool ready() = 0;                                 // asked once a turn
  virtual void fill(std::span<results::Value> values) = 0;  // REQUIRES: ready(). As Probe::fill, after it.
};

// What the probe wants next.
struct Step {
  enum class Kind : std::uint8_t {
    kMore,  // wait for bytes, FIN, wake or deadline
    // Send `bytes` (not empty; valid until the next call of this probe), then as kMore. What the peer has not taken of
    // earlier ones goes first; when more than 64 KiB wait behind that, on_failure is told protocol_error.
    kSend,
    kRest,  // the connection idles: nothing is expected, no phase runs; bytes, its end or on_idle wake the probe
    kDone,  // the verdict is `outcome`
    // Close this connection and open another to the same target, under the same limits; this probe goes on there with
    // start(). Its record tells the phases, timings and TCP facts of the first connection. Allowed wherever kDone is.
    kReconnect,
  };
  Kind kind = Kind::kMore;
  results::Outcome outcome = results::Outcome::kSuccess;
  // kSend: what to send. kDone, kReconnect: a farewell, sent before the connection closes (the engine copies it before
  // it calls the probe again), behind what is being written. After a second it is given up.
  std::span<const std::byte> bytes;
  const char* error = "";  // short text, a literal or the probe's own; for outcomes other than success
  bool graceful = false;   // kDone, kReconnect: closes with FIN; else with RST, once the farewell is handed over

  static Step more() { return {}; }
  static Step send(std::span<const std::byte> bytes) { return {.kind = Kind::kSend, .bytes = bytes}; }
  static Step rest() { return {.kind = Kind::kRest}; }
  static Step done(results::Outcome outcome, const char* error = "") {
    return {.kind = Kind::kDone, .outcome = outcome, .error = error};
  }
  static Step reconnect() { return {.kind = Kind::kReconnect}; }
  // The same, with a farewell.
  Step after(std::span<const std::byte> farewell) const {
    Step step = *this;
    step.bytes = farewell;
    return step;
  }
};

class Probe {
 public:
  virtual ~Probe() = default;
  virtual Step start(ProbeContext& context) = 0;  // connected
  // Any cutting of the peer's bytes into calls gives the same verdict. `bytes` is borrowed for the call.
  virtual Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) = 0;
  virtual Step on_eof(ProbeContext& context) = 0;  // FIN; must return kDone (or kReconnect, as all that must)
  virtual Step on_wake(ProbeContext& context) {
    (void)context;
    return Step::more();
  }
  // The connection has idled as long as connections may. kRest: let it idle as long again. kDone: it is closed with a
  // FIN. Nothing else.
  virtual Step on_idle(ProbeContext& context) {
    (void)context;
    return Step::done(results::Outcome::kSuccess);
  }
  // A phase deadline of the engine fired (read, total). Must return kDone: timeout, or success when what came is
  // enough.
  virtual Step on_deadline(ProbeContext& context) {
    (void)context;
    return Step::done(results::Outcome::kTimeout);
  }
  // The connection was reset by the peer or failed; of a later connection (context.connection > 0) also: it could not
  // be opened. Must return kDone; `outcome` is what the engine makes of it. Of kLocalError, and of kTimeout when the
  // probe has had its 512 connections, kDone alone counts: with anything else the probe ends in `outcome`.
  virtual Step on_failure(ProbeContext& context, results::Outcome outcome) {
    (void)context;
    return Step::done(outcome);
  }
  // What was learned, whatever the outcome. `values` has one entry a field of the module, all absent at first.
  virtual void fill(std::span<results::Value> values) const { (void)values; }
  // Asked once, behind fill(): fields that are not known yet; null when all are.
  virtual std::unique_ptr<LateFields> late_fields() { return nullptr; }
};

// An option that a module adds to `sonde scan`: a stable long name without dashes.
struct OptionDef {
  const char* name;
  const char* metavar;
  const char* fallback;  // default as text; of a flag nothing
  const char* help;
  bool is_flag = false;  // takes no value; configure() is called with "true" or "false"
};

// Declares a probe in one place: name, help, options, fields. One object a run; immutable once configured, shared by
// all shards.
class ProbeModule {
 public:
  virtual ~ProbeModule() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view help() const = 0;  // one line
  virtual std::span<const OptionDef> options() const { return {}; }
  virtual std::span<const results::FieldDef> fields() const { return {}; }
  // Sets one of options(); the error says what would be right (without the option's name, the caller adds it).
  virtual Parsed<> configure(std::string_view option, std::string_view value) {
    (void)option;
    (void)value;
    return {};
  }
  // Called once when all options are set, before anything is sent: what only shows when they are seen together, files
  // that must be read. The error names the option.
  virtual Parsed<> prepare() { return {}; }
  // Called once a shard; from any thread, with its own synchronisation. Null: nothing is kept.
  virtual std::unique_ptr<ShardState> make_shard_state() const { return nullptr; }
  virtual std::span<const std::uint16_t> default_ports() const { return {}; }  // empty: -p is required
  // The phases' budgets beyond connect: whether the probe reads at all (tcp does not).
  virtual bool reads() const { return true; }
  virtual std::size_t state_bytes() const = 0;    // size of the Probe object, at most 1024
  virtual Probe* create(void* memory) const = 0;  // placement-new; never fails; the engine calls the destructor
};

}  // namespace sonde::engine
