// What a shard is given and what it shows: its options, the limits that it shares with others, the probes of its pass,
// the consumer of its records, and its counters.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/ip_address.h"
#include "base/time.h"
#include "engine/cause.h"
#include "engine/probe.h"
#include "metrics/counter.h"
#include "pacing/in_flight_limit.h"
#include "pacing/prefix_pace.h"
#include "pacing/token_bucket.h"
#include "results/outcome.h"
#include "results/record.h"

namespace sonde::engine {

// Takes the records of one shard, on its thread.
class RecordConsumer {
 public:
  virtual ~RecordConsumer() = default;
  // False: the record was not taken and will not be (a limit on results is reached); the probe counts as cut.
  virtual bool consume(const results::Record& record) = 0;
  // Too much waits to be written: start nothing until it is gone.
  virtual bool full() const = 0;
};

// Pacing that all shards of a scan share.
struct Limits {
  pacing::TokenBucket rate;
  pacing::InFlightLimit per_host;
  pacing::InFlightLimit per_prefix;
};

struct ShardOptions {
  std::uint32_t concurrency = 1000;  // in flight at once, this shard's share
  Nanos connect_timeout = 3 * kSecond;
  Nanos tls_timeout = 5 * kSecond;  // of a TLS handshake, from its begin
  Nanos read_timeout = 5 * kSecond;
  Nanos dns_timeout = 2 * kSecond;
  Nanos timeout = 15 * kSecond;
  Nanos idle_timeout = 60 * kSecond;  // of a connection that rests
  std::uint32_t retries = 0;
  Nanos keepalive = 0;  // TCP keepalive of every connection; 0: none
  TcpInfoUse tcp_info = TcpInfoUse::kTimeouts;
  Nanos unix_offset = 0;        // wall clock minus the backend's clock
  bool cut_records = false;     // a probe that is cut gets a `cancelled` record
  bool stays = false;           // connections are kept: the end of one will not free what the next lacks
  bool happy_eyeballs = false;  // of a name with several addresses: the first that connects (RFC 8305)
  bool fatal_audit = false;
  std::function<bool(const IpAddress&)> is_excluded;       // asked of resolved names; empty: nothing is
  std::function<bool(std::string_view)> is_excluded_name;  // asked of the names that probes turn to
  std::function<Terms(std::uint64_t position)> terms_of;   // of a target; empty: none has any of its own
  pacing::PrefixPace* prefix_pace = nullptr;               // of all shards; null: prefixes are not slowed down
  int doorbell = -1;  // an os::Doorbell's that the backend watches, rung when the source has more; -1: none
};

// One probe of the pass and where its fields start in the schema.
struct PassModule {
  const ProbeModule* module = nullptr;
  std::uint32_t first_value_id = 0;
};

// Written by the shard's thread, read by any.
struct ShardStats {
  metrics::Counter started;    // probes, not attempts
  metrics::Counter finished;   // probes that ended in an outcome
  metrics::Counter abandoned;  // probes that were cut without one
  metrics::Counter attempts;   // connections started: retries and a probe's further ones too
  metrics::Counter retries;
  metrics::Counter local_faults;    // acts that this machine refused and that were tried again
  metrics::Counter tcp_info_reads;  // how often the kernel was asked what it knows of a connection
  metrics::Counter in_flight;
  metrics::Counter in_flight_peak;
  metrics::Counter resting;  // connections that idle
  metrics::Counter timers;   // deadlines that are armed
  metrics::Counter timers_peak;
  std::array<metrics::Counter, results::kOutcomeNames.size()> outcomes;
};

}  // namespace sonde::engine
