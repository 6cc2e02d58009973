#include "probes/tls/elimination.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kMaxSilentChunks = 3;

bool holds(const std::vector<std::uint16_t>& list, std::uint16_t value) {
  return std::ranges::find(list, value) != list.end();
}

}  // namespace

Elimination::Elimination(std::vector<std::uint16_t> candidates, std::size_t chunk)
    : candidates_(std::move(candidates)), chunk_(chunk) {
  SONDE_CHECK(chunk > 0, "an offer has something in it");
  next_chunk();
}

std::span<const std::uint16_t> Elimination::offer() const {
  SONDE_CHECK(!done(), "nothing more is to be asked");
  if (phase_ == Phase::kAlive) return std::span(accepted_).first(1);
  return offer_;
}

void Elimination::next_chunk() {
  retried_ = false;
  chunk_has_accepted_ = false;
  const std::size_t count = std::min(chunk_, candidates_.size() - next_);
  const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(next_);
  offer_.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  next_ += count;
  if (count == 0) compare_orders();
}

void Elimination::chosen(std::uint16_t choice) {
  const std::span<const std::uint16_t> offered = offer();
  if (std::ranges::find(offered, choice) == offered.end()) {
    incomplete_ = true;
    refused(false);
    return;
  }
  silent_chunks_ = 0;
  switch (phase_) {
    case Phase::kFind:
      take_find(choice);
      return;
    case Phase::kAlive:
      phase_ = Phase::kFind;  // and the same offer again
      return;
    case Phase::kReverse:
      take_reverse(choice);
      return;
    case Phase::kForward:
      if (choice == forward_.front()) {
        stop();
      } else {
        begin_order(choice);
      }
      return;
    case Phase::kOrder:
      take_order(choice);
      return;
    case Phase::kDone:
      return;
  }
}

void Elimination::refused(bool without_a_word) {
  if (phase_ == Phase::kFind) {
    if (!without_a_word) return next_chunk();
    if (!retried_) {
      retried_ = true;
      if (!accepted_.empty()) phase_ = Phase::kAlive;
      return;
    }
    if (!accepted_.empty() || ++silent_chunks_ < kMaxSilentChunks) return next_chunk();
    incomplete_ = true;
    return stop();
  }
  // What was accepted before is refused now.
  if (phase_ != Phase::kAlive && without_a_word && !retried_) {
    retried_ = true;
    return;
  }
  incomplete_ = true;
  stop();
}

void Elimination::take_find(std::uint16_t choice) {
  retried_ = false;
  accepted_.push_back(choice);
  if (!chunk_has_accepted_) ++chunks_with_accepted_;
  chunk_has_accepted_ = true;
  std::erase(offer_, choice);
  if (offer_.empty()) next_chunk();
}

void Elimination::compare_orders() {
  if (accepted_.size() < 2) return stop();
  for (const std::uint16_t candidate : candidates_) {
    if (forward_.size() < chunk_ && holds(accepted_, candidate)) forward_.push_back(candidate);
  }
  if (forward_.size() < 2) return stop();  // chunks of one compare nothing
  offer_.assign(forward_.rbegin(), forward_.rend());
  phase_ = Phase::kReverse;
}

void Elimination::take_reverse(std::uint16_t choice) {
  const bool follows = choice == offer_.front();
  if (chunks_with_accepted_ == 1) {
    // The first choice of all was made from the same list forwards.
    server_order_ = !follows || accepted_.front() != forward_.front();
    stop();
  } else if (follows) {
    phase_ = Phase::kForward;
    offer_ = forward_;
    retried_ = false;
  } else {
    begin_order(choice);
  }
}

void Elimination::begin_order(std::uint16_t first) {
  server_order_ = true;
  phase_ = Phase::kOrder;
  take_order(first);
}

void Elimination::take_order(std::uint16_t choice) {
  retried_ = false;
  order_.push_back(choice);
  std::erase(offer_, choice);
  if (offer_.size() > 1) return;
  order_.insert(order_.end(), offer_.begin(), offer_.end());
  stop();
}

void Elimination::stop() { phase_ = Phase::kDone; }

std::vector<std::uint16_t> Elimination::accepted() const {
  std::vector<std::uint16_t> list;
  if (!server_order_) {
    list = accepted_;
    std::ranges::sort(list);
    return list;
  }
  list = order_;
  for (const std::uint16_t value : accepted_) {
    if (!holds(order_, value)) list.push_back(value);
  }
  return list;
}

}  // namespace sonde::probes
