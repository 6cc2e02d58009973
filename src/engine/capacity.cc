#include "engine/capacity.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/uring_backend.h"
#include "os/machine.h"

namespace sonde::engine {
namespace {

constexpr std::uint64_t kDefaultConcurrency = 100'000;
constexpr std::uint64_t kMostConnections = 16'000'000;
constexpr std::uint64_t kMostWorkers = 64;       // when each is there for its descriptor table
constexpr std::uint64_t kKeptBack = 8;           // output, checkpoint, summary, lists
constexpr std::uint64_t kKeptBackPerWorker = 2;  // epoll, io_uring's eventfd
constexpr std::uint64_t kKeptBackPerServer = 2;  // a worker's sockets to a name server
constexpr std::uint64_t kMostInRing = io::kLongestTable;

// Connections that descriptors leave room for.
struct Room {
  std::uint64_t limit = 0;     // of open files
  std::uint64_t shared = 0;    // epoll, one table for all workers
  std::uint64_t base = 0;      // descriptors that are open or kept back
  std::uint64_t names = 0;     // kept back for a worker's resolver
  std::uint64_t in_rings = 0;  // io_uring, all workers: a descriptor a ring, and its table full of direct ones
};

Room measure(std::uint64_t workers, std::uint64_t name_servers) {
  Room room{.limit = os::raise_descriptor_limit(), .names = kKeptBackPerServer * name_servers};
  const std::uint64_t open = os::open_descriptors();
  const std::uint64_t per_worker = kKeptBackPerWorker + room.names;
  const std::uint64_t needed = open + kKeptBack + per_worker * workers;
  // Where the limit is tiny, one connection at a time still does the whole scan, slowly.
  room.shared = room.limit > needed ? room.limit - needed : room.limit > open + per_worker + 1 ? 1 : 0;
  room.base = open + kKeptBack;
  room.in_rings =
      room.limit > needed ? std::min((room.limit - needed) * std::min(room.limit, kMostInRing), kMostConnections) : 0;
  return room;
}

std::string notice_of_cap(const char* option, std::uint64_t wanted, const Capacity& capacity, const Room& room) {
  return fmt::format("{} {} is more than {} worker{} with {} open files each carry; going on with {}", option, wanted,
                     capacity.workers, capacity.workers == 1 ? "" : "s", room.limit, capacity.concurrency);
}

// What so many workers carry with a table each. A new table starts with what was open before it: the epoll instances of
// all of them.
std::uint64_t carried_in_own(const Room& room, std::uint64_t workers) {
  const std::uint64_t needed = room.base + room.names + workers;
  return room.limit > needed ? (room.limit - needed) * workers : 0;
}

// epoll: one table while it is enough, else a table a worker, and as many workers as that takes.
void fit_into_tables(const Wish& wish, std::uint64_t wanted, const Room& room, Capacity& capacity) {
  const bool workers_given = wish.workers.has_value();
  std::uint64_t carried = room.shared;
  const std::uint64_t most = workers_given ? capacity.workers : std::max<std::uint64_t>(capacity.workers, kMostWorkers);
  for (std::uint64_t workers = capacity.workers; workers <= most && carried < wanted; ++workers) {
    if (carried_in_own(room, workers) <= carried) continue;
    carried = carried_in_own(room, workers);
    capacity.own_tables = true;
    capacity.workers = static_cast<std::uint32_t>(workers);
  }
  capacity.concurrency = static_cast<std::uint32_t>(std::min(wanted, carried));
  if (wanted > carried) capacity.notices.push_back(notice_of_cap(wish.option, wanted, capacity, room));
}

}  // namespace

Result<Capacity> plan_capacity(const Wish& wish) {
  Capacity capacity;
  capacity.workers = wish.workers.value_or(os::usable_cpus());
  const Room room = measure(capacity.workers, wish.name_servers);
  if (room.shared == 0)
    return std::unexpected(Error{.kind = ErrorKind::kNoDescriptors, .what = "no descriptors are left to connect with"});
  capacity.engine = io::choose_engine(wish.engine);
  if (!capacity.engine.notice.empty()) capacity.notices.push_back(capacity.engine.notice);
  const bool in_rings = capacity.engine.engine == io::Engine::kUring && room.in_rings > 0;
  if (!in_rings) capacity.engine.engine = io::Engine::kEpoll;
  const std::uint64_t wanted = std::max<std::uint64_t>(
      1, wish.concurrency.value_or(
             static_cast<std::uint32_t>(std::min(in_rings ? room.in_rings : room.shared, kDefaultConcurrency))));
  if (!in_rings) {
    fit_into_tables(wish, wanted, room, capacity);
  } else {
    capacity.concurrency = static_cast<std::uint32_t>(std::min(wanted, room.in_rings));
    if (wanted > room.in_rings)
      capacity.notices.push_back(
          fmt::format("{} {} is more than {} open files carry, each a ring of {}; going on with {}", wish.option,
                      wanted, room.limit, std::min(room.limit, kMostInRing), capacity.concurrency));
  }
  capacity.workers = std::min(capacity.workers, capacity.concurrency);
  return capacity;
}

}  // namespace sonde::engine
