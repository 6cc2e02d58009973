// Which backend a run uses, and how one is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "io/backend.h"
#include "io/uring_features.h"
#include "memory/ring_pool.h"

namespace sonde::io {

enum class Engine : std::uint8_t { kAuto, kEpoll, kUring };

struct EngineChoice {
  Engine engine = Engine::kEpoll;  // never kAuto
  UringFeatures features;          // of kUring
  std::string notice;              // one line for the user when it is not what was asked for; empty otherwise
};

// wanted = kAuto takes io_uring where it is, for it connects faster, at three quarters of the processor time
// (docs/benchmarks.md, bench/scenarios/engines). Falls back to epoll where it is not.
EngineChoice choose_engine(Engine wanted);

// connections: at once, at most. To be called by any thread, before the one that will own it uses it.
Result<std::unique_ptr<Backend>> open_backend(const EngineChoice& choice, memory::RingPool& pool,
                                              std::uint32_t connections);

}  // namespace sonde::io
