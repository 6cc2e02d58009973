// How many events there were in the last while: a ring of a hundred cells, so that what leaves the window leaves by
// hundredths of it. With a window of 10 s a cell is 100 ms. Constant memory; one thread; pure: time is passed in and
// never goes back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/time.h"

namespace sonde::pacing {

class SlidingWindow {
 public:
  static constexpr Nanos kCells = 100;

  // REQUIRES: width ≥ kCells nanoseconds.
  explicit SlidingWindow(Nanos width) : cell_(width / kCells) {}

  Nanos cell() const { return cell_; }

  void add(Nanos now, std::uint32_t count = 1) {
    advance(now);
    cells_[index(last_)] += count;
    total_ += count;
  }
  // Of the cell that holds `now`, which is not over yet, and those before it.
  std::uint64_t total(Nanos now) {
    advance(now);
    return total_;
  }
  // A second, of the whole window: what has begun a moment ago counts little.
  double rate(Nanos now) {
    return static_cast<double>(total(now)) * static_cast<double>(kSecond) / static_cast<double>(cell_ * kCells);
  }

 private:
  static std::size_t index(Nanos cell) { return static_cast<std::size_t>(cell % kCells); }

  void advance(Nanos now) {
    const Nanos present = now / cell_;
    // Of a long pause all cells are cleared, each once.
    for (Nanos cell = std::max(last_ + 1, present - kCells + 1); cell <= present; ++cell) {
      total_ -= cells_[index(cell)];
      cells_[index(cell)] = 0;
    }
    last_ = std::max(last_, present);
  }

  Nanos cell_;
  Nanos last_ = 0;  // the present cell, counted from time 0
  std::uint64_t total_ = 0;
  std::array<std::uint32_t, kCells> cells_{};
};

}  // namespace sonde::pacing
