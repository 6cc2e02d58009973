#include "pacing/prefix_pace.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/mix.h"

namespace sonde::pacing {
namespace {

constexpr std::uint32_t kLeastRound = 32;  // attempts that begin in it
constexpr std::uint32_t kLearning = 96;    // ends whose mean is what is usual; then it follows slowly
constexpr std::uint32_t kLearned = 1000;   // that it is worth at most
constexpr float kUsualWeight = 1.0F / 16;  // of a round that was not worse
constexpr float kWorseWeight = 1.0F / 8;   // of one that was
constexpr float kRise = 0.05F;             // worse: by so much, and by so many deviations of the two shares
constexpr float kDeviations = 3;

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

PrefixPace::PrefixPace(std::size_t cells) : cells_(std::bit_ceil(cells)) {}

bool PrefixPace::take(std::uint64_t key, std::uint8_t& round) {
  const std::uint64_t hash = mix64(key);
  const std::scoped_lock lock(mutex_of(index(hash)));
  Cell& cell = cells_[index(hash)];
  const std::uint32_t in_flight = cell.rounds[0].in_flight + cell.rounds[1].in_flight;
  if (in_flight == 0 && cell.tag != tag_of(hash)) cell = Cell{.tag = tag_of(hash)};
  if (in_flight >= cell.window) {
    cell.refused = true;
    return false;
  }
  round = cell.present;
  ++cell.rounds[round].in_flight;
  ++cell.rounds[round].begun;
  turn_over(cell);
  return true;
}

void PrefixPace::give(std::uint64_t key, std::uint8_t round) {
  const std::size_t at = index(mix64(key));
  const std::scoped_lock lock(mutex_of(at));
  Cell& cell = cells_[at];
  --cell.rounds[round].in_flight;
  turn_over(cell);
}

void PrefixPace::tell(std::uint64_t key, std::uint8_t round, bool trouble) {
  const std::size_t at = index(mix64(key));
  const std::scoped_lock lock(mutex_of(at));
  Round& its = cells_[at].rounds[round];
  ++its.ends;
  if (trouble) ++its.troubles;
}

// When all of the round that ends has ended and enough has begun in the present one, that one ends and another begins.
void PrefixPace::turn_over(Cell& cell) {
  Round& ending = cell.rounds[cell.present ^ 1U];
  if (ending.in_flight > 0) return;
  if (ending.begun > 0) {
    if (cell.stale) {
      cell.stale = false;
    } else {
      judge(cell, ending);
    }
    ending = Round{};
  }
  if (cell.rounds[cell.present].begun >= std::max(cell.window, kLeastRound)) cell.present ^= 1U;
}

void PrefixPace::judge(Cell& cell, const Round& round) {
  if (round.ends == 0) return;
  const auto ends = static_cast<float>(round.ends);
  const float share = static_cast<float>(round.troubles) / ends;
  if (cell.learned < kLearning) {
    const auto learned = static_cast<float>(cell.learned);
    cell.usual = (cell.usual * learned + share * ends) / (learned + ends);
  }
  if (cell.learned < kLearned) cell.learned += round.ends;
  const float known = 1.0F / static_cast<float>(std::clamp(cell.learned, kLearning, kLearned));
  const float spread = std::sqrt(cell.usual * (1 - cell.usual) * (1 / ends + known));
  const bool worse = share > cell.usual + kRise + kDeviations * spread;
  cell.usual += (share - cell.usual) * (worse ? kWorseWeight : kUsualWeight);
  if (worse) {
    cell.window = std::max(kLeastWindow, cell.window / 2);
    cell.exceeded = true;
    cell.stale = true;
    slowdowns_.fetch_add(1, std::memory_order_relaxed);
  } else if (cell.refused) {
    cell.window = std::min(kMostWindow, cell.window + (cell.exceeded ? std::max(1U, cell.window / 8) : cell.window));
  }
  cell.refused = false;
}

std::uint32_t PrefixPace::window(std::uint64_t key) {
  const std::size_t at = index(mix64(key));
  const std::scoped_lock lock(mutex_of(at));
  return cells_[at].window;
}

}  // namespace sonde::pacing
