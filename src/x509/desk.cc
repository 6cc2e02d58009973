#include "x509/desk.h"

#include <utility>

#include "base/check.h"
#include "x509/inspection_thread.h"
#include "x509/inspector.h"
#include "x509/scts.h"

namespace sonde::x509 {

Ticket::~Ticket() {
  if (desk_ != nullptr) desk_->release(slot_);
}

Desk::Desk(Inspector& inspector, std::vector<Lane*> lanes)
    : inspector_(inspector),
      cache_(inspector.options_.cache_entries, inspector.options_.cache_bytes),
      counters_(lanes.size()) {
  for (std::size_t i = 0; i < lanes.size(); ++i) counters_[i].lane = lanes[i];
}

Desk::~Desk() {
  SONDE_CHECK(slots_.in_use() == 0, "a ticket outlives its desk");
  for (Counter& counter : counters_) {
    // The lane may be gone the moment it is closed; its thread is not.
    InspectionThread& thread = counter.lane->thread;
    counter.lane->closed.store(true, std::memory_order_release);
    thread.wake();
  }
  inspector_.open_desks_.fetch_sub(1);
}

CachedChain& Desk::chain_for(const ChainKey& key, std::int64_t now_s, bool& fresh) {
  if (CachedChain* known = cache_.pin(key); known != nullptr) {
    fresh = false;
    if (!known->facts || !inspector_.is_stale(*known->facts, now_s)) return *known;
    cache_.unpin(*known);  // tickets that still refer to it keep it as it was
  }
  fresh = true;
  return cache_.insert(key);
}

Ticket Desk::ask(Question question) {
  const std::uint32_t index = slots_.acquire();
  SONDE_CHECK(index != memory::Slab<Slot>::kNone, "more questions at once than a desk has tickets");
  const ChainKey key = hasher_.key_of(question.chain);
  bool fresh = false;
  CachedChain& chain = chain_for(key, question.now_s, fresh);
  Slot& slot = slots_[index];
  slot.chain = &chain;
  slot.answer = {.ocsp_scts = count_ocsp_scts(question.ocsp).value_or(0),
                 .listed_scts = count_scts(question.sct_list).value_or(0)};
  slot.awaits_proof = question.proof.has_value();
  slot.answer.facts = chain.facts.get();
  if (fresh || question.proof) {
    cache_.pin(chain);  // the job's
    dispatch({.key = key,
              .chain = std::move(question.chain),
              .subject = &chain,
              .now_s = question.now_s,
              .wants_facts = fresh,
              .proof = std::move(question.proof),
              .ticket = index,
              .generation = slot.generation});
  }
  return {this, index};
}

const Answer* Desk::look(const Ticket& ticket) const {
  SONDE_CHECK(ticket.desk_ == this, "a ticket of another desk");
  Slot& slot = slots_[ticket.slot_];
  if (slot.awaits_proof || !slot.chain->facts) return nullptr;
  slot.answer.facts = slot.chain->facts.get();
  return &slot.answer;
}

void Desk::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  ++slot.generation;
  slot.answer.proof.reset();
  cache_.unpin(*std::exchange(slot.chain, nullptr));
  slots_.release(index);
}

void Desk::dispatch(Job job) {
  Counter& counter = counters_[ChainKeyHash{}(job.key) % counters_.size()];
  if (counter.out < kLaneDepth && counter.kept.empty()) return send(counter, std::move(job));
  if (full()) return do_here(std::move(job));
  kept_bytes_ += job.bytes();
  counter.kept.push_back(std::move(job));
}

void Desk::send(Counter& counter, Job job) {
  ++counter.out;
  ++asked_threads_;
  SONDE_CHECK(counter.lane->jobs.push(job), "a lane holds what may be out");
  counter.lane->thread.wake();
}

void Desk::do_here(Job job) {
  ++inspected_here_;
  Reply reply{.subject = job.subject, .ticket = job.ticket, .generation = job.generation};
  if (job.wants_facts) reply.facts = std::make_unique<const ChainFacts>(inspector_.inspect_chain(job.chain, job.now_s));
  if (job.proof) {
    const PublicKey key = job.chain.size() > 0 ? PublicKey::of(job.chain[0]) : PublicKey();
    reply.proof =
        check_signature(key, job.proof->signed_by, job.proof->scheme, job.proof->content, job.proof->signature);
  }
  take(std::move(reply));
}

void Desk::take(Reply reply) {
  if (reply.facts) cache_.set_facts(*reply.subject, std::move(reply.facts));
  if (reply.proof) {
    Slot& slot = slots_[reply.ticket];
    if (slot.generation == reply.generation) {
      slot.answer.proof = std::move(reply.proof);
      slot.awaits_proof = false;
    }
  }
  cache_.unpin(*reply.subject);
}

void Desk::poll() {
  for (Counter& counter : counters_) {
    while (std::optional<Reply> reply = counter.lane->replies.pop()) {
      --counter.out;
      take(std::move(*reply));
    }
    while (!counter.kept.empty() && counter.out < kLaneDepth) {
      Job job = std::move(counter.kept.front());
      counter.kept.pop_front();
      kept_bytes_ -= job.bytes();
      // Whoever asked has given up, and nobody else has joined: only the job itself holds the chain.
      const bool wanted = job.subject->pins > 1;
      if (wanted)
        send(counter, std::move(job));
      else
        cache_.unpin(*job.subject);
    }
  }
}

std::size_t Desk::kept_jobs() const {
  std::size_t sum = 0;
  for (const Counter& counter : counters_) sum += counter.kept.size();
  return sum;
}

bool Desk::full() const { return kept_bytes_ >= kMaxKeptBytes || kept_jobs() >= kMaxKeptJobs; }

}  // namespace sonde::x509
