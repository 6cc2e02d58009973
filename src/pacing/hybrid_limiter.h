// The hybrid limiter: a token bucket that is steered by what a sliding window sees. What wants to start is offered,
// each once; the limiter says whether it is shed at once or may start after a delay; then it takes a token.
//
//   offer ──▶ shed                     the tier sheds its rank
//         └─▶ wait for the delay ──▶ take: a token, or none as yet
//
// Two windows are kept: of all that is offered, and of what is left of that after shedding. The first, as a share of
// the rate, says which tier holds, so a tier that sheds holds until the flood is over. A tier that decays lowers the
// fill by a tenth (of 1) a second, to no less than a half, while the second window is above the tier too: shedding did
// not suffice. Otherwise the fill goes to the tier's (to 1 where it decays): down at once, up by a tenth a second.
//
// Ranks: high is never delayed nor shed nor kept waiting; its tokens are taken all the same, so the others pay for
// it, up to a debt of one `burst`. Low leaves the last quarter of the bucket to normal.
//
// Shared by all workers, any thread: a lock is held for the few instructions of each call, one or two a start. Pure:
// time is passed in, of one clock.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"
#include "pacing/sliding_window.h"

namespace sonde::pacing {

enum class Rank : std::uint8_t { kHigh, kNormal, kLow };

// Holds while the offered rate, as a share of LimiterOptions::rate, is at least `from` and less than `below`.
struct LimiterTier {
  double from = 0, below = 0;  // below 0: no end
  double fill = 1;             // of the bucket, times `rate`
  bool decays = false;         // in place of `fill`
  Nanos most_delay = 0;        // a random delay up to it
  std::optional<Rank> sheds;   // it and those lower, never high
};

struct LimiterOptions {
  double rate = 1;   // starts a second, more than 0
  double burst = 1;  // tokens that a full bucket holds, at least 1
  Nanos window = 10 * kSecond;
  std::vector<LimiterTier> tiers;  // the first that fits holds; where none does, the fill is 1
};

// What it sees and does at a moment, for those who watch.
struct LimiterView {
  double offered = 0, kept = 0;  // a second, by the windows
  double fill = 1;               // times `rate`
  double tokens = 0;             // negative: a debt
  std::optional<std::size_t> tier;
};

class HybridLimiter {
 public:
  struct Offer {
    bool shed = false;
    Nanos delay = 0;  // before take() is worth asking
  };

  explicit HybridLimiter(LimiterOptions options);

  Offer offer(Rank rank, Nanos now);
  // A start; false: there is no token for this rank as yet.
  bool take(Rank rank, Nanos now);
  // When take() can next succeed as the fill is now: `now` or later.
  Nanos ready_at(Rank rank, Nanos now);
  LimiterView view(Nanos now);

 private:
  void advance(Nanos now);
  void steer();
  double needed(Rank rank) const;

  LimiterOptions options_;
  std::mutex mutex_;
  SlidingWindow offered_, kept_;
  Nanos now_ = 0;
  double fill_ = 1;
  double tokens_;
  std::optional<std::size_t> tier_;
  std::uint64_t delays_ = 0;  // counted, each is a hash of its number
};

}  // namespace sonde::pacing
