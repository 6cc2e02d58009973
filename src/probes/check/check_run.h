// One run of one check: what is asked, what was found, how it ended. Made by who wants to know, lent to a shard while
// it runs, then given back. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "engine/probe.h"
#include "results/outcome.h"
#include "results/record.h"

namespace sonde::probes {

class Prober;
struct TlsSeen;

// What a prober has seen, in a form of its own (prober.h makes it, reads it, nobody else) but for what is asked here.
class CheckFindings {
 public:
  virtual ~CheckFindings() = default;
  // Of its last TLS connection; null: this prober keeps none of it.
  virtual const TlsSeen* tls_seen() const { return nullptr; }
};

// How the engine ended it, as the record tells.
struct CheckEnding {
  results::Outcome outcome = results::Outcome::kLocalError;
  results::Phase phase = results::Phase::kDns;
  std::string cause;  // results::Cause of a timeout; or which expectation was not met: "status_code", "body_regexp" …
  std::string error;  // short text; empty: none
  IpAddress address;  // unspecified: never known
  std::array<std::int32_t, results::kPhaseNames.size()> timing_us{};  // results::kNoTiming: did not happen
  Nanos unix_time = 0;                                                // when it ended
};

// Where the run goes first.
struct CheckPlan {
  std::string host;   // to be resolved; empty for a bare address
  Endpoint endpoint;  // its address unspecified when there is a host
  engine::Terms terms;
  // False: the target's address is not looked for, for the plan failed before (its text is broken), or for that is a
  // proxy's work. There are no samples of it then.
  bool resolves = true;
};

struct CheckRun {
  // asked; constant while it runs
  std::shared_ptr<const Prober> prober;
  std::string target;    // as it was given
  std::string hostname;  // /probe's parameter; empty: none
  Nanos timeout = 0;     // of all of it
  bool keeps_log = false;
  std::size_t keeps_body = 0;  // bytes of an http answer's body that `body` is to hold

  CheckPlan plan;  // by Prober::plan

  // found
  std::unique_ptr<CheckFindings> findings;
  std::vector<std::string> log;  // "ts=… level=info msg=…" lines as blackbox_exporter's, where they are kept
  std::string body;              // of an http answer, where it is kept; with its type, and the status
  std::string body_type;
  std::uint16_t http_status = 0;

  CheckEnding ending;
  bool success = false;

  // A prober's, empty as yet; those before are gone.
  template <typename T>
  T& begin_findings() {
    auto fresh = std::make_unique<T>();
    T& its = *fresh;
    findings = std::move(fresh);
    return its;
  }
};

}  // namespace sonde::probes
