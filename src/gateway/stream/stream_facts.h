// What a frame of the stream says of the gateway as a whole, at a tick.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/checks/check_book.h"
#include "metrics/histogram.h"
#include "pacing/hybrid_limiter.h"

namespace sonde::gateway {

struct StreamFacts {
  struct Limit {
    double rate = 0;  // as configured
    pacing::LimiterView view;
  };

  // By those who put the gateway together.
  Nanos unix_now = 0;
  Nanos started = 0;  // unix time
  bool network_down = false;
  std::string config_hash, config_error;
  Nanos config_loaded = 0;
  std::optional<Limit> limiter;
  std::vector<std::pair<std::string_view, std::uint64_t>> connections;  // by lifecycle state

  // By the stream, of the books and itself.
  CheckBook::Counts counts;
  metrics::Histogram late_us;  // of the last minute's starts
  double runs_per_second = 0;
  std::uint32_t viewers = 0;
};

}  // namespace sonde::gateway
