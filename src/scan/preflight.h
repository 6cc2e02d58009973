// What this process may carry, before anything is started.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace sonde::scan {

struct Capacity {
  std::uint32_t concurrency = 0;  // connections in flight, all workers together
  std::uint32_t workers = 0;
  std::string notice;  // one line for the user when less than asked for; empty otherwise
};

// Raises the soft limit of open files to the hard one. The error: not even one connection fits.
Result<Capacity> plan_capacity(std::optional<std::uint32_t> concurrency, std::optional<std::uint32_t> workers);

}  // namespace sonde::scan
