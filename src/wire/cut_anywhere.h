// The property that every frame processor has, for its tests and its fuzzer: however the input is cut, the verdict is
// the same. As a processor is offered the bytes from the frame's start again, that is: on every prefix it either needs
// more, and then at most what is there, or gives at once what it gives on the whole.
#pragma once

#include <cstddef>
#include <span>

#include "base/check.h"
#include "wire/frame.h"

namespace sonde::wire {

// Checks the first frame of `bytes`, then the ones behind it. `same` compares two frames.
template <typename Processor, typename Same>
void check_cut_anywhere(const Processor& processor, std::span<const std::byte> bytes, Same same) {
  using Result = ParseResult<typename Processor::Frame>;
  while (!bytes.empty()) {
    const Result whole = processor.parse(bytes);
    const bool decided = whole.kind != Result::Kind::kNeed;
    // Prefixes are tried densely near the ends and sparsely in between, so that long inputs stay quick.
    for (std::size_t length = 0; length < bytes.size();
         length += (length < 600 || length + 600 > bytes.size()) ? 1 : 97) {
      const Result part = processor.parse(bytes.first(length));
      if (part.kind == Result::Kind::kNeed) {
        SONDE_CHECK(part.need >= 1, "a processor must need something");
        SONDE_CHECK(!decided || whole.kind == Result::Kind::kError || length + part.need <= whole.consumed,
                    "it asks for more than the frame has");
        continue;
      }
      SONDE_CHECK(part.kind == Result::Kind::kError || length >= Processor::min_frame_size(),
                  "a frame from less than the least");
      SONDE_CHECK(part.kind == whole.kind && part.consumed == whole.consumed, "a cut changes the verdict");
      SONDE_CHECK(part.kind != Result::Kind::kFrame || same(part.frame, whole.frame), "a cut changes the frame");
    }
    if (whole.kind != Result::Kind::kFrame) return;
    SONDE_CHECK(whole.consumed > 0 && whole.consumed <= bytes.size(), "a frame takes bytes that are there");
    bytes = bytes.subspan(whole.consumed);
  }
}

}  // namespace sonde::wire
