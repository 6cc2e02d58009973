// What this process may carry, decided before anything is started.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/engine.h"

namespace sonde::engine {

struct Wish {
  std::optional<std::uint32_t> concurrency;  // connections at once; none: what is carried, at most 100k
  std::optional<std::uint32_t> workers;      // none: one a core
  io::Engine engine = io::Engine::kAuto;
  std::uint64_t name_servers = 1;        // that a worker may have sockets to
  const char* option = "--concurrency";  // what the notices call it
};

struct Capacity {
  std::uint32_t concurrency = 0;  // connections at once, all workers together
  std::uint32_t workers = 0;
  io::EngineChoice engine;
  bool own_tables = false;           // each worker needs a descriptor table of its own
  std::vector<std::string> notices;  // lines for the user: what is not as asked for, and why

  // Of the connections, what falls to a worker.
  std::uint32_t share_of(std::uint32_t worker) const {
    return concurrency / workers + (worker < concurrency % workers ? 1 : 0);
  }
};

// Raises the soft limit of open files to the hard one. The error: not even one connection fits.
Result<Capacity> plan_capacity(const Wish& wish);

}  // namespace sonde::engine
