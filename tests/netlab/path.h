// One direction of the delay line, as arithmetic: packets go in with the time, and come out when they are due. No
// clock, no I/O; one thread. In order:
//   queue   at most `queue_packets` wait for the transmitter or are on it; one more is dropped (as a router's FIFO
//   does) rate    the transmitter takes bytes / rate for a packet, one after the other loss    each packet is lost with
//   the same probability, decided by seed and index alone: what was dropped before
//           counts in the index, so a run can be foretold
//   delay   plus a jitter, uniform in ±jitter, by seed and index; a packet waits for those before it, unless reordered
// A packet never comes out before its delay (less its jitter) has passed. At most kInFlightPackets are on the way; one
// more is dropped and counted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mix.h"
#include "base/time.h"

namespace sonde::netlab {

struct PathOptions {
  Nanos delay = 0;
  Nanos jitter = 0;            // at most delay
  double loss = 0;             // 0 … 1
  std::uint64_t rate_bps = 0;  // bytes a second; 0: no transmitter, and so no queue
  std::size_t queue_packets = 1000;
  std::uint64_t seed = 1;
  bool reorder = false;
};

// packets = delivered + lost + queue_dropped + in_flight_dropped + what is still on the way.
struct PathCounts {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t queue_dropped = 0;
  std::uint64_t in_flight_dropped = 0;
};

// Whether the packet of that index is lost.
inline bool is_lost(std::uint64_t seed, std::uint64_t index, double loss) {
  return static_cast<double>(mix64(seed, index) >> 11) * 0x1p-53 < loss;
}

class Path {
 public:
  static constexpr std::size_t kInFlightPackets = 1U << 17;  // of 1500 bytes: 200 MB

  // REQUIRES: jitter ≤ delay.
  explicit Path(const PathOptions& options) : options_(options) {
    SONDE_CHECK(options.jitter <= options.delay, "jitter would bring a packet before it was sent");
  }

  // REQUIRES: now never goes back.
  void offer(Nanos now, std::span<const std::byte> packet) {
    const std::uint64_t index = counts_.packets++;
    counts_.bytes += packet.size();
    Nanos sent = now;
    if (options_.rate_bps != 0) {
      while (!queue_.empty() && queue_.front() <= now) queue_.pop_front();
      if (queue_.size() >= options_.queue_packets) {
        ++counts_.queue_dropped;
        return;
      }
      sent = std::max(now, queue_.empty() ? now : queue_.back()) + transmission(packet.size());
      queue_.push_back(sent);
    }
    if (is_lost(options_.seed, index, options_.loss)) {
      ++counts_.lost;
      return;
    }
    if (flight_.size() >= kInFlightPackets) {
      ++counts_.in_flight_dropped;
      return;
    }
    Nanos due = sent + options_.delay + jitter_of(index);
    if (!options_.reorder) due = last_due_ = std::max(due, last_due_);
    flight_.push_back({due, index, {packet.begin(), packet.end()}});
    std::ranges::push_heap(flight_, later);
  }

  // When the next packet is due; kNever when none is on the way.
  Nanos next_due() const { return flight_.empty() ? kNever : flight_.front().due; }

  // Hands out what is due: out(due, bytes), earliest first, those of the same time in the order of their sending.
  template <typename Out>
  void deliver(Nanos now, Out out) {
    while (next_due() <= now) {
      std::ranges::pop_heap(flight_, later);
      const Flying packet = std::move(flight_.back());
      flight_.pop_back();
      ++counts_.delivered;
      out(packet.due, std::span<const std::byte>(packet.bytes));
    }
  }

  const PathCounts& counts() const { return counts_; }
  std::size_t in_flight() const { return flight_.size(); }

 private:
  struct Flying {
    Nanos due = 0;
    std::uint64_t index = 0;
    std::vector<std::byte> bytes;
  };
  static bool later(const Flying& a, const Flying& b) { return std::pair(a.due, a.index) > std::pair(b.due, b.index); }

  // Rounded up: a rate is never exceeded.
  Nanos transmission(std::size_t bytes) const {
    const std::uint64_t work = bytes * static_cast<std::uint64_t>(kSecond);
    return static_cast<Nanos>((work + options_.rate_bps - 1) / options_.rate_bps);
  }

  Nanos jitter_of(std::uint64_t index) const {
    if (options_.jitter == 0) return 0;
    const std::uint64_t span = 2 * static_cast<std::uint64_t>(options_.jitter) + 1;
    return static_cast<Nanos>(mix64(mix64(options_.seed, index), 1) % span) - options_.jitter;
  }

  PathOptions options_;
  PathCounts counts_;
  std::deque<Nanos> queue_;     // when each that waits for the transmitter will have left it
  std::vector<Flying> flight_;  // a heap, the earliest first
  Nanos last_due_ = 0;
};

}  // namespace sonde::netlab
