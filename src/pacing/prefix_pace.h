// How much may be in flight to one /24 or /48, found by what becomes of it: a network that is asked for more than it
// carries drops SYNs, and those read as timeouts of its hosts. Timeouts and retransmits are "troubles" here.
//
// A timeout shows late, when the answers of many others have come. So what starts is counted by rounds, and a round is
// judged when all that began in it has ended; two are under way at most, the one that begins and the one that ends.
// Each prefix begins with a small window, which doubles with every round that was no worse than what is usual there,
// where more wanted to start than it let. When a round was worse, the network's limit is exceeded: the window is
// halved, the round that was under way tells nothing, and from there on the window grows by an eighth a round. What is
// usual is learned with the first rounds and slowly after that, more where it was worse, so that a prefix whose
// addresses are mostly silent is not slowed for long.
//
// Prefixes are hashed into a fixed table, as in in_flight_limit.h: constant memory. One that has nothing in flight
// gives its cell to the next that is hashed there; two at once share one. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace sonde::pacing {

class PrefixPace {
 public:
  static constexpr std::uint32_t kFirstWindow = 32;
  static constexpr std::uint32_t kLeastWindow = 4;
  static constexpr std::uint32_t kMostWindow = 65'536;

  // cells: rounded up to a power of two; choose the number of prefixes in flight, or more.
  explicit PrefixPace(std::size_t cells);

  // Room for one more in flight; `round`, 0 or 1, is to be given back with it.
  bool take(std::uint64_t key, std::uint8_t& round);
  // REQUIRES (of this and of tell): a take(key) that gave true and this round, and was not given back.
  void give(std::uint64_t key, std::uint8_t round);
  // How an attempt ended, where that tells of the prefix.
  void tell(std::uint64_t key, std::uint8_t round, bool trouble);

  // How often a window was halved, of all prefixes.
  std::uint64_t slowdowns() const { return slowdowns_.load(std::memory_order_relaxed); }
  std::uint32_t window(std::uint64_t key);  // of the cell where it is

 private:
  struct Round {
    std::uint32_t in_flight = 0;
    std::uint32_t begun = 0;
    std::uint32_t ends = 0, troubles = 0;
  };
  struct Cell {
    std::uint32_t tag = 0;
    std::uint32_t window = kFirstWindow;
    std::array<Round, 2> rounds;
    float usual = 0;            // share of troubles
    std::uint32_t learned = 0;  // ends that it is of
    std::uint8_t present = 0;   // the round in which what starts begins
    bool refused : 1 = false;   // more wanted to start
    bool stale : 1 = false;     // the round that ends next began under a wider window
    bool exceeded : 1 = false;  // the window was halved once
  };
  std::size_t index(std::uint64_t hash) const { return hash & (cells_.size() - 1); }
  std::mutex& mutex_of(std::size_t cell) { return mutexes_[cell % mutexes_.size()]; }
  void turn_over(Cell& cell);
  void judge(Cell& cell, const Round& round);

  std::vector<Cell> cells_;
  std::array<std::mutex, 64> mutexes_;  // each of every 64th cell
  std::atomic<std::uint64_t> slowdowns_{0};
};

}  // namespace sonde::pacing
