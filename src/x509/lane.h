// What goes between one desk and one inspection thread. Private to Desk and InspectionThread.
//
// A lane belongs to its thread, which frees it once the desk has closed it; until then the desk borrows it. No reply is
// ever without room: a desk has at most kLaneDepth jobs out on a lane, and both queues hold as many.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "memory/spsc_queue.h"
#include "x509/chain.h"
#include "x509/chain_facts.h"
#include "x509/facts_cache.h"
#include "x509/signature.h"

namespace sonde::x509 {

class InspectionThread;

inline constexpr std::size_t kLaneDepth = 256;

struct Job {
  ChainKey key{};
  Chain chain;
  CachedChain* subject = nullptr;  // the desk's entry, pinned by this job; the thread only gives it back
  std::int64_t now_s = 0;
  bool wants_facts = false;
  std::optional<SignatureProof> proof;
  std::uint32_t ticket = 0;  // whose proof it is
  std::uint32_t generation = 0;
  std::size_t bytes() const {
    return sizeof(*this) + chain.bytes().size() + (proof ? proof->content.size() + proof->signature.size() : 0);
  }
};

struct Reply {
  CachedChain* subject = nullptr;
  std::unique_ptr<const ChainFacts> facts;  // when wanted; the desk's own copy
  std::optional<SignatureVerdict> proof;    // when there was one
  std::uint32_t ticket = 0;
  std::uint32_t generation = 0;
};

struct Lane {
  explicit Lane(InspectionThread& owner) : thread(owner) {}
  InspectionThread& thread;
  memory::SpscQueue<Job> jobs{kLaneDepth};
  memory::SpscQueue<Reply> replies{kLaneDepth};
  std::atomic<bool> closed{false};  // by the desk; the thread then frees the lane
};

}  // namespace sonde::x509
