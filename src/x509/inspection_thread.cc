#include "x509/inspection_thread.h"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "x509/inspector.h"

namespace sonde::x509 {

InspectionThread::InspectionThread(Inspector& inspector)
    : inspector_(inspector), cache_(inspector.options_.cache_entries, inspector.options_.cache_bytes) {}

InspectionThread::~InspectionThread() {
  stopping_.store(true, std::memory_order_release);
  wake();
  if (thread_.joinable()) thread_.join();
}

bool InspectionThread::start() {
  // Signals are for the threads that wait for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = true;
  try {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "sonde-x509");
  } catch (const std::system_error&) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

Lane* InspectionThread::add_lane() {
  auto lane = std::make_unique<Lane>(*this);
  Lane* borrowed = lane.get();
  {
    const std::scoped_lock lock(arrivals_mutex_);
    arrivals_.push_back(std::move(lane));
    has_arrivals_.store(true, std::memory_order_release);
  }
  wake();
  return borrowed;
}

void InspectionThread::wake() {
  signals_.fetch_add(1, std::memory_order_release);
  signals_.notify_one();
}

void InspectionThread::run() {
  for (;;) {
    // Read before looking for work: what comes after the look changes the count, and the sleep does not begin.
    const int seen = signals_.load(std::memory_order_acquire);
    do {
      if (stopping_.load(std::memory_order_acquire)) return;
      if (has_arrivals_.load(std::memory_order_acquire)) adopt_lanes();
    } while (serve_lanes());
    signals_.wait(seen, std::memory_order_acquire);
  }
}

void InspectionThread::adopt_lanes() {
  const std::scoped_lock lock(arrivals_mutex_);
  has_arrivals_.store(false, std::memory_order_relaxed);
  for (auto& lane : arrivals_) lanes_.push_back(std::move(lane));
  arrivals_.clear();
}

bool InspectionThread::serve_lanes() {
  std::erase_if(lanes_, [](const auto& lane) { return lane->closed.load(std::memory_order_acquire); });
  bool worked = false;
  for (const auto& lane : lanes_) {
    std::optional<Job> job = lane->jobs.pop();
    if (!job) continue;
    worked = true;
    if (lane->closed.load(std::memory_order_acquire)) continue;  // nobody waits for it
    Reply reply = answer(std::move(*job));
    SONDE_CHECK(lane->replies.push(reply), "a desk has more jobs out than a lane holds");
  }
  return worked;
}

Reply InspectionThread::answer(Job job) {
  Reply reply{.subject = job.subject, .ticket = job.ticket, .generation = job.generation};
  CachedChain* entry = cache_.pin(job.key);
  const bool stale =
      entry != nullptr && entry->facts && job.wants_facts && inspector_.is_stale(*entry->facts, job.now_s);
  if (stale) {
    cache_.unpin(*entry);
    entry = nullptr;
  }
  if (entry == nullptr) entry = &cache_.insert(job.key);
  if (job.wants_facts) {
    if (!entry->facts) {
      cache_.set_facts(*entry, std::make_unique<const ChainFacts>(inspector_.inspect_chain(job.chain, job.now_s)));
    }
    reply.facts = std::make_unique<const ChainFacts>(*entry->facts);
  }
  if (job.proof) {
    if (!entry->leaf_key && job.chain.size() > 0) entry->leaf_key = PublicKey::of(job.chain[0]);
    reply.proof = check_signature(entry->leaf_key, job.proof->signed_by, job.proof->scheme, job.proof->content,
                                  job.proof->signature);
  }
  cache_.unpin(*entry);
  return reply;
}

}  // namespace sonde::x509
