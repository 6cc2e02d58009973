// What `sonde hold` was asked to do; plain data, named as its long options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "io/engine.h"

namespace sonde::hold {

enum class Format : std::uint8_t { kText, kJson };

struct HoldOptions {
  std::uint64_t count = 0;
  std::vector<std::string> targets;
  std::string ports;                // as given; empty: every target names its own
  std::vector<std::string> source;  // addresses, CIDRs, ranges; empty: the kernel chooses
  Nanos duration = 30 * kSecond;    // --for: from the moment all are established or given up
  double rate = 0;                  // connections a second; 0 is unlimited
  Nanos connect_timeout = 10 * kSecond;
  Nanos keepalive = 0;     // TCP keepalive; 0: none
  Nanos idle_timeout = 0;  // closes what has been idle so long; 0: nothing is
  std::optional<std::uint32_t> workers;
  io::Engine engine = io::Engine::kAuto;
  Format format = Format::kText;
  bool progress = true;
};

}  // namespace sonde::hold
