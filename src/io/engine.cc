#include "io/engine.h"

#include "io/epoll_backend.h"
#include "io/uring_backend.h"

namespace sonde::io {

EngineChoice choose_engine(Engine wanted) {
  EngineChoice choice;
  if (wanted == Engine::kEpoll) return choice;
  choice.features = probe_uring();
  if (choice.features.usable()) {
    choice.engine = Engine::kUring;
  } else if (wanted == Engine::kUring) {
    choice.notice = "io_uring cannot be used (" + choice.features.why_not() + "); going on with epoll";
  }
  return choice;
}

Result<std::unique_ptr<Backend>> open_backend(const EngineChoice& choice, memory::RingPool& pool,
                                              std::uint32_t connections) {
  if (choice.engine == Engine::kUring)
    return UringBackend::create(pool, {.features = choice.features, .connections = connections});
  return EpollBackend::create(pool);
}

}  // namespace sonde::io
