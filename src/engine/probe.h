// The contract between the engine and a probe. A probe is a pure state machine over bytes: it never sees a socket, a
// clock it could read by itself, a thread or a file. One Probe object lives for one attempt on one target (and the
// further connections that it asks for), in a slot of ProbeModule::state_bytes() bytes of the shard's slab. All calls
// come from the shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "base/transport.h"
#include "engine/resolver.h"
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

// What a probe leaves open on its connection for the next of its pass: a TLS session, say. The taker knows what it is.
class OpenLayer {
 public:
  virtual ~OpenLayer() = default;
};

// The local_error of a source address that is none of this machine's.
inline constexpr const char* kForeignSource = "the source address is not this machine's";

// What one target has of its own, in place of what all of them share.
struct Terms {
  Nanos timeout = 0;  // 0: the options'
  // Of the first connection. kNone: once the address is known start() is called, and must end it there or go elsewhere.
  Transport transport = Transport::kTcp;
  std::optional<IpVersion> ip_version;  // nothing: the resolver's
  IpAddress source;                     // to connect from; unspecified: the kernel chooses
  std::uint8_t hop_limit = 0;           // TTL of what is sent; 0: the kernel's
  bool dont_fragment = false;
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
  // out, on_bytes: what came is no part of the answer (TLS tickets, settings of HTTP/2): the phase stays what it is.
  bool unanswered = false;
  std::string_view scheme;          // "http" or "https" where the target was a URL; of the target, not of a detour
  std::string_view path;            // of that URL, from its '/' on; may be empty
  std::int32_t dns_us = -1;         // of this connection; -1: did not happen
  std::int32_t connect_us = -1;     // the same
  std::uint8_t hop_limit = 0;       // kPing: TTL or hop limit of the datagram that on_bytes brings; 0: unknown
  std::uint64_t position = 0;       // the target's, as its source gave it
  const IcmpError* icmp = nullptr;  // on_failure, datagrams: what was said, if it is known
  std::string_view next;            // the module behind this one in the pass; empty: none
  std::unique_ptr<OpenLayer>* layer = nullptr;  // start(): what the probe before left open here, to be taken; else null
};

// Fields of a record that another thread still works on. The record waits for it, beside the connections; the
// connection does not.
class LateFields {
 public:
  virtual ~LateFields() = default;
  virtual bool ready() = 0;                                 // asked once a turn
  virtual void fill(std::span<results::Value> values) = 0;  // REQUIRES: ready(). As Probe::fill, after it.
};

// Where a further connection of a probe goes, if not to its target.
struct Detour {
  std::string_view host;  // resolved when the address is unspecified
  IpAddress address;
  std::uint16_t port = 0;
  Transport transport = Transport::kTcp;
};

// What the probe wants next.
struct Step {
  enum class Kind : std::uint8_t {
    kMore,  // wait for bytes, FIN, wake or deadline
    // Send `bytes` (not empty; valid until the next call of this probe), then as kMore. What the peer has not taken of
    // earlier ones goes first; when more than most_unsent() waits behind that, on_failure is told protocol_error. Of
    // datagrams each send is one, and only the last of those that could not go out yet is kept.
    kSend,
    kRest,  // the connection idles: nothing is expected, no phase runs; bytes, its end or on_idle wake the probe
    kDone,  // the verdict is `outcome`
    // Close this connection and open another to the same target, under the same limits; this probe goes on there with
    // start(). Its record tells the phases, timings and TCP facts of the first connection. Allowed wherever kDone is.
    // With `detour` the connection goes there (valid until the probe is called again); its record still names the
    // target. What is excluded is told to on_failure as kBlocked, a name that has no address as kDnsError.
    // `outcome` is timeout where the probe waited on this connection in vain: the cause is looked for then, for the
    // case that all ends in a timeout.
    kReconnect,
  };
  Kind kind = Kind::kMore;
  results::Outcome outcome = results::Outcome::kSuccess;
  // kSend: what to send. kDone, kReconnect: a farewell, sent before the connection closes (the engine copies it before
  // it calls the probe again), behind what is being written. After a second it is given up.
  std::span<const std::byte> bytes;
  const char* error = "";  // short text, a literal or the probe's own; for outcomes other than success
  bool graceful = false;   // kDone, kReconnect: closes with FIN; else with RST, once the farewell is handed over
  // kSend: another exchange begins; its phases are write, first byte, read again (the record tells the sums), with the
  // whole read budget.
  bool anew = false;
  // kReconnect: one task goes on. --timeout bounds all its connections together, the record's timings are their sums.
  bool same_task = false;
  const Detour* detour = nullptr;  // kReconnect

  static Step more() { return {}; }
  static Step send(std::span<const std::byte> bytes) { return {.kind = Kind::kSend, .bytes = bytes}; }
  static Step rest() { return {.kind = Kind::kRest}; }
  static Step done(results::Outcome outcome, const char* error = "") {
    return {.kind = Kind::kDone, .outcome = outcome, .error = error};
  }
  static Step reconnect(results::Outcome outcome = results::Outcome::kSuccess) {
    return {.kind = Kind::kReconnect, .outcome = outcome};
  }
  static Step exchange(std::span<const std::byte> bytes) { return {.kind = Kind::kSend, .bytes = bytes, .anew = true}; }
  static Step go_on_at(const Detour& detour) {
    return {.kind = Kind::kReconnect, .same_task = true, .detour = &detour};
  }
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
  // be opened. Must return kDone, but for an ICMP error of datagrams, behind which they go on; `outcome` is what the
  // engine makes of it. Of kLocalError, and of kTimeout when the
  // probe has had its 512 connections, kDone alone counts: with anything else the probe ends in `outcome`.
  virtual Step on_failure(ProbeContext& context, results::Outcome outcome) {
    (void)context;
    return Step::done(outcome);
  }
  // What was learned, whatever the outcome. `values` has one entry a field of the module, all absent at first.
  virtual void fill(std::span<results::Value> values) const { (void)values; }
  // Asked once, behind fill(): fields that are not known yet; null when all are.
  virtual std::unique_ptr<LateFields> late_fields() { return nullptr; }
  // Asked last, of a success before another probe of the pass: what is open above TCP, for that one to go on with over
  // this connection. Null: it gets a connection of its own.
  virtual std::unique_ptr<OpenLayer> leave_open() { return nullptr; }
};

// An option that a module adds to `sonde scan`: a stable long name without dashes.
struct OptionDef {
  const char* name;
  const char* metavar;
  const char* fallback;  // default as text; of a flag nothing
  const char* help;
  bool is_flag = false;  // takes no value; configure() is called with "true" or "false"
  bool repeats = false;  // may be given several times; configure() is called for each, in order
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
  // that must be read. `pass`: the names of its modules in order, this one's too. The error names the option.
  virtual Parsed<> prepare(std::span<const std::string> pass) {
    (void)pass;
    return {};
  }
  // Called once a shard; from any thread, with its own synchronisation. Null: nothing is kept.
  virtual std::unique_ptr<ShardState> make_shard_state() const { return nullptr; }
  virtual std::span<const std::uint16_t> default_ports() const { return {}; }  // empty: -p is required
  virtual Transport transport() const { return Transport::kTcp; }              // of a probe's first connection
  virtual bool has_ports() const { return true; }    // false: a target is an address alone, its port 0
  virtual bool wanders() const { return false; }     // its probes may make detours: names are to be resolved
  virtual bool takes_urls() const { return false; }  // uses context.scheme and path: URLs are targets of their own
  // The phases' budgets beyond connect: whether the probe reads at all (tcp does not).
  virtual bool reads() const { return true; }
  // Bytes that may wait behind a write that the peer has not taken. No protocol lets a peer ask for more meanwhile,
  // unless a request of ours is as long.
  virtual std::size_t most_unsent() const { return std::size_t{64} << 10; }
  virtual std::size_t state_bytes() const = 0;    // size of the Probe object, at most 1024
  virtual Probe* create(void* memory) const = 0;  // placement-new; never fails; the engine calls the destructor
};

}  // namespace sonde::engine
