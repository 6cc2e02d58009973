// A shard's side of the Inspector. One thread uses a desk and its tickets; it waits for nothing and takes no lock.
//
// ask() answers a question about a chain that the desk knows at once, for the price of the chain's SHA-256; any other
// goes to the chain's thread, and questions about one chain on its way share one inspection. A handshake's proof
// always goes to the thread, where the key waits parsed. poll() takes answers in.
//
// Bounds: the desk remembers cache_entries chains and cache_bytes, and besides what tickets refer to. kLaneDepth jobs
// are out on each thread; more are kept here, at most kMaxKeptJobs and kMaxKeptBytes, and go on at the next poll().
// When that is full, ask() inspects by itself, on the shard's thread: slow, which holds the shard back, but no answer
// is lost. At most kMaxTickets tickets (checked).
// Lifetime: tickets go before the desk, the desk before the Inspector (both checked). Answers that are still on their
// way when the desk goes are dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/slab.h"
#include "x509/chain.h"
#include "x509/chain_facts.h"
#include "x509/facts_cache.h"
#include "x509/lane.h"
#include "x509/signature.h"

namespace sonde::x509 {

class Desk;
class Inspector;

inline constexpr std::size_t kMaxKeptJobs = 4'096;
inline constexpr std::size_t kMaxKeptBytes = 64 << 20;
inline constexpr std::uint32_t kMaxTickets = 1 << 22;

struct Question {
  Chain chain;
  std::span<const std::byte> ocsp;      // a stapled OCSPResponse, or nothing; borrowed for the call
  std::span<const std::byte> sct_list;  // a SignedCertificateTimestampList, or nothing; borrowed for the call
  std::optional<SignatureProof> proof;
  std::int64_t now_s = 0;  // seconds since 1970
};

struct Answer {
  const ChainFacts* facts = nullptr;  // never null in an answer that look() gives
  std::uint32_t ocsp_scts = 0;        // malformed counts as 0
  std::uint32_t listed_scts = 0;
  std::optional<SignatureVerdict> proof;  // there when it was asked for
};

// The right to one answer. Move-only; gives it up when it goes.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), slot_(other.slot_) {}
  Ticket& operator=(Ticket&& other) noexcept {
    std::swap(desk_, other.desk_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Ticket();
  explicit operator bool() const { return desk_ != nullptr; }

 private:
  friend class Desk;
  Ticket(Desk* desk, std::uint32_t slot) : desk_(desk), slot_(slot) {}
  Desk* desk_ = nullptr;
  std::uint32_t slot_ = 0;
};

class Desk {
 public:
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  Ticket ask(Question question);
  // Null while the answer is not there. Valid as long as the ticket. REQUIRES: a ticket of this desk.
  const Answer* look(const Ticket& ticket) const;
  // Takes in what the threads answered and sends on what waits here. Once a turn of the shard's loop.
  void poll();

  std::size_t kept_jobs() const;                                    // that no thread has yet
  bool full() const;                                                // the next new chain is inspected here
  std::size_t known_chains() const { return cache_.size(); }        // with those on their way
  std::uint64_t asked_threads() const { return asked_threads_; }    // jobs handed over so far
  std::uint64_t inspected_here() const { return inspected_here_; }  // because full() held

 private:
  friend class Inspector;
  friend class Ticket;
  struct Slot {
    CachedChain* chain = nullptr;  // pinned
    Answer answer;
    std::uint32_t generation = 0;  // of its use: a proof that comes for an earlier one is not this one's
    bool awaits_proof = false;
  };
  // A thread, and the jobs for it.
  struct Counter {
    Lane* lane = nullptr;
    std::size_t out = 0;  // jobs whose reply has not come
    std::deque<Job> kept;
  };

  Desk(Inspector& inspector, std::vector<Lane*> lanes);
  CachedChain& chain_for(const ChainKey& key, std::int64_t now_s, bool& fresh);
  void dispatch(Job job);
  void do_here(Job job);
  void send(Counter& counter, Job job);
  void take(Reply reply);
  void release(std::uint32_t slot);

  Inspector& inspector_;
  ChainHasher hasher_;
  FactsCache cache_;
  mutable memory::Slab<Slot> slots_{kMaxTickets};
  std::vector<Counter> counters_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t asked_threads_ = 0;
  std::uint64_t inspected_here_ = 0;
};

}  // namespace sonde::x509
