// How late the starts of the last minute were. One thread; time is passed in, the steady clock's, never back.
#pragma once

#include <array>

#include "base/time.h"
#include "metrics/histogram.h"

namespace sonde::gateway {

class RecentLateness {
 public:
  static constexpr Nanos kSpan = 60 * kSecond;

  void record(std::uint64_t us, Nanos now) {
    Piece& piece = pieces_[static_cast<std::size_t>(number(now) % kPieces)];
    if (piece.number != number(now)) piece = {.number = number(now), .late_us = {}};
    piece.late_us.record(us);
  }
  // Adds what began within kSpan before `now`, up to a piece more.
  void gather(Nanos now, metrics::Histogram& into) const {
    for (const Piece& piece : pieces_)
      if (piece.number > number(now) - kPieces && piece.number <= number(now)) into.merge(piece.late_us);
  }
  // How far back that goes: kSpan, and what there is of the present piece.
  static Nanos span(Nanos now) { return now - (number(now) - kPieces + 1) * kPiece; }

 private:
  static constexpr Nanos kPiece = 10 * kSecond;
  static constexpr std::int64_t kPieces = kSpan / kPiece + 1;
  struct Piece {
    std::int64_t number = -kPieces;
    metrics::Histogram late_us;
  };
  static std::int64_t number(Nanos now) { return now / kPiece; }

  std::array<Piece, kPieces> pieces_;
};

}  // namespace sonde::gateway
