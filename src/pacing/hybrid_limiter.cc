#include "pacing/hybrid_limiter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/mix.h"

namespace sonde::pacing {
namespace {

constexpr double kFillChange = 0.1;  // a second, at most: down while it decays, up always
constexpr double kLeastFill = 0.5;
constexpr double kReserve = 0.25;  // of the burst, that low leaves
constexpr int kMostCells = 1000;   // of a pause, that are gone through one by one: by then nothing changes any more

double seconds(Nanos duration) { return static_cast<double>(duration) / static_cast<double>(kSecond); }

}  // namespace

HybridLimiter::HybridLimiter(LimiterOptions options)
    : options_(std::move(options)), offered_(options_.window), kept_(options_.window), tokens_(options_.burst) {
  SONDE_CHECK(options_.rate > 0 && options_.burst >= 1, "a limiter needs a rate, and room for one token");
  steer();
  if (tier_ && !options_.tiers[*tier_].decays) fill_ = options_.tiers[*tier_].fill;
}

HybridLimiter::Offer HybridLimiter::offer(Rank rank, Nanos now) {
  const std::scoped_lock lock(mutex_);
  advance(now);
  offered_.add(now_);
  if (tier_ && rank != Rank::kHigh) {
    const LimiterTier& tier = options_.tiers[*tier_];
    if (tier.sheds && rank >= *tier.sheds) return {.shed = true};
    kept_.add(now_);
    if (tier.most_delay == 0) return {};
    return {.delay = static_cast<Nanos>(mix64(++delays_) % static_cast<std::uint64_t>(tier.most_delay + 1))};
  }
  kept_.add(now_);
  return {};
}

bool HybridLimiter::take(Rank rank, Nanos now) {
  const std::scoped_lock lock(mutex_);
  advance(now);
  if (tokens_ < needed(rank)) return false;
  tokens_ = std::max(tokens_ - 1, -options_.burst);
  return true;
}

Nanos HybridLimiter::ready_at(Rank rank, Nanos now) {
  const std::scoped_lock lock(mutex_);
  advance(now);
  const double lacking = needed(rank) - tokens_;
  if (lacking <= 0) return now;
  // A nanosecond more, so that rounding does not make it a moment too early.
  return now + static_cast<Nanos>(std::ceil(lacking / (options_.rate * fill_) * static_cast<double>(kSecond))) + 1;
}

LimiterView HybridLimiter::view(Nanos now) {
  const std::scoped_lock lock(mutex_);
  advance(now);
  return {.offered = offered_.rate(now_), .kept = kept_.rate(now_), .fill = fill_, .tokens = tokens_, .tier = tier_};
}

// How full the bucket must be.
double HybridLimiter::needed(Rank rank) const {
  if (rank == Rank::kHigh) return -options_.burst;
  return rank == Rank::kNormal ? 1 : std::max(1.0, options_.burst * kReserve);
}

// Fills the bucket up to `now`; the fill is steered anew at the end of every cell. Threads may come with times that are
// a little older than those of others.
void HybridLimiter::advance(Nanos now) {
  const Nanos cell = offered_.cell();
  const auto fill_until = [&](Nanos until) {
    tokens_ = std::min(options_.burst, tokens_ + options_.rate * fill_ * seconds(until - now_));
    now_ = until;
  };
  if (now - now_ > kMostCells * cell) fill_until(now - kMostCells * cell);
  while (now_ < now) {
    fill_until(std::min(now, (now_ / cell + 1) * cell));
    if (now_ % cell == 0) steer();
  }
}

void HybridLimiter::steer() {
  const double share = offered_.rate(now_) / options_.rate;
  const auto holds = [&](const LimiterTier& tier) {
    return share >= tier.from && (tier.below == 0 || share < tier.below);
  };
  const auto found = std::ranges::find_if(options_.tiers, holds);
  tier_.reset();
  if (found != options_.tiers.end()) tier_ = static_cast<std::size_t>(found - options_.tiers.begin());

  const double change = kFillChange * seconds(offered_.cell());
  if (tier_ && found->decays && kept_.rate(now_) / options_.rate >= found->from) {
    fill_ = std::max(kLeastFill, fill_ - change);
    return;
  }
  const double goal = tier_ && !found->decays ? found->fill : 1;
  fill_ = std::min(goal, fill_ + change);
}

}  // namespace sonde::pacing
