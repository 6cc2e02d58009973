// The service that inspects certificates off the hot path, each distinct chain once. One Inspector serves all shards of
// a scan; a shard talks to it through a Desk of its own (desk.h).
//
// Threads: create, open_desk and inspections() from any thread. A chain belongs to one of the threads by its key, so
// shards that see the same chain get it from one inspection; each thread keeps what it made in a bounded cache.
// Lifetime: desks go before the Inspector (checked). It may go at any time then: its threads finish the certificate in
// hand and end; questions that nobody waits for are dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "x509/chain_facts.h"
#include "x509/verifier.h"

namespace sonde::x509 {

class Desk;
class InspectionThread;

struct InspectorOptions {
  bool verify = false;
  std::string ca_file;                  // of the trusted roots alone; empty: the system's
  unsigned threads = 1;                 // 1 … 64
  std::size_t cache_entries = 4096;     // chains that each thread and each desk remember
  std::size_t cache_bytes = 64 << 20;   // and their bytes, each
  bool keep_der = false;                // Certificate::der, for --pem
  std::int64_t verdict_lasts_s = 3600;  // an older verdict is made anew: certificates expire while we watch
};

class Inspector {
 public:
  // The error names what is wrong: a file of roots that is missing or is none, or no thread to be had.
  static Parsed<std::unique_ptr<Inspector>> create(const InspectorOptions& options);
  ~Inspector();
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  std::unique_ptr<Desk> open_desk();
  // Chains inspected so far, at desks too.
  std::uint64_t inspections() const { return inspections_.load(std::memory_order_relaxed); }

 private:
  friend class Desk;
  friend class InspectionThread;
  explicit Inspector(const InspectorOptions& options);
  ChainFacts inspect_chain(const Chain& chain, std::int64_t now_s);  // any thread
  bool is_stale(const ChainFacts& facts, std::int64_t now_s) const;  // the verdict in it is too old, or too new

  InspectorOptions options_;
  std::unique_ptr<const Verifier> verifier_;  // null: nothing is verified
  std::atomic<std::uint64_t> inspections_{0};
  std::atomic<std::size_t> open_desks_{0};
  std::vector<std::unique_ptr<InspectionThread>> threads_;  // last: they use all the others
};

}  // namespace sonde::x509
