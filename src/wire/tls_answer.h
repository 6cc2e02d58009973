// The beginning of what a TLS server answers to a ClientHello, as far as naming it needs it: an alert, or the
// ServerHello at the front of the first record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/frame.h"

namespace sonde::wire {

struct TlsAnswer {
  std::uint16_t version = 0;  // that the ServerHello chose; of an alert, and of a ServerHello in pieces, 0
  bool is_alert = false;
};

class TlsAnswerProcessor {
 public:
  using Frame = TlsAnswer;
  static constexpr std::size_t kLimit = 4096;                  // bytes of a ServerHello
  static constexpr std::size_t min_frame_size() { return 7; }  // an alert
  ParseResult<TlsAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
