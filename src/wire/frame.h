// The one shape of a frame processor: bytes in, frames out, no I/O, no clock. A processor is a class with
//   using Frame = …;                                   // what parse gives; views borrow from the input
//   static constexpr std::size_t min_frame_size();     // fewer bytes never make a frame
//   wire::Parsed<Frame> parse(std::span<const std::byte> bytes) const;
// where `bytes` starts at a frame's start. Any way of cutting the input into pieces gives the same frames: a processor
// keeps nothing of an incomplete frame, the caller offers the bytes again with more behind them (or keeps them in a
// lent buffer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sonde::wire {

template <typename Frame>
struct ParseResult {
  enum class Kind : std::uint8_t {
    kFrame,  // `frame`, which took `consumed` bytes (> 0)
    kNeed,   // incomplete: at least `need` more bytes (≥ 1)
    kError,  // these bytes are not this protocol; `error` says why (a literal)
  };
  Kind kind = Kind::kNeed;
  Frame frame{};
  std::size_t consumed = 0;
  std::size_t need = 1;
  const char* error = "";

  static ParseResult got(Frame frame, std::size_t consumed) {
    return {.kind = Kind::kFrame, .frame = frame, .consumed = consumed};
  }
  static ParseResult more(std::size_t need) { return {.kind = Kind::kNeed, .need = need}; }
  static ParseResult fail(const char* error) { return {.kind = Kind::kError, .error = error}; }
};

}  // namespace sonde::wire
