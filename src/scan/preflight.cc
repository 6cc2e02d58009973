#include "scan/preflight.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/machine.h"

namespace sonde::scan {
namespace {

constexpr std::uint64_t kDefaultConcurrency = 100'000;
constexpr std::uint64_t kKeptBack = 8;           // output, checkpoint, summary, lists
constexpr std::uint64_t kKeptBackPerWorker = 3;  // epoll, the resolver's sockets

}  // namespace

Result<Capacity> plan_capacity(std::optional<std::uint32_t> concurrency, std::optional<std::uint32_t> workers) {
  Capacity capacity;
  capacity.workers = workers.value_or(os::usable_cpus());
  const std::uint64_t limit = os::raise_descriptor_limit();
  const std::uint64_t needed = os::open_descriptors() + kKeptBack + kKeptBackPerWorker * capacity.workers;
  // Where the limit is tiny, one connection at a time still does the whole scan, slowly.
  const std::uint64_t room = limit > needed                                            ? limit - needed
                             : limit > os::open_descriptors() + kKeptBackPerWorker + 1 ? 1
                                                                                       : 0;
  if (room == 0)
    return std::unexpected(Error{.kind = ErrorKind::kNoDescriptors, .what = "no descriptors are left to connect with"});
  const std::uint64_t wanted = concurrency.value_or(static_cast<std::uint32_t>(std::min(room, kDefaultConcurrency)));
  if (wanted > room)
    capacity.notice = fmt::format(
        "--concurrency {} is more than the {} open files of this process carry; going on with {}", wanted, limit, room);
  capacity.concurrency = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, 1, room));
  capacity.workers = std::min(capacity.workers, capacity.concurrency);
  return capacity;
}

}  // namespace sonde::scan
