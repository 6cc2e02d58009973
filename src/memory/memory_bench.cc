#include <benchmark/benchmark.h>

#include <vector>

#include "memory/ring_pool.h"
#include "memory/slab.h"

namespace sonde::memory {
namespace {

struct Slot {
  std::byte bytes[128];
};

void slab_acquire_release(benchmark::State& state) {
  Slab<Slot> slab(1'000'000);
  std::vector<std::uint32_t> held;
  for (int i = 0; i < 10'000; ++i) held.push_back(slab.acquire());
  std::size_t next = 0;
  for (auto _ : state) {
    slab.release(held[next]);
    held[next] = slab.acquire();
    next = (next + 7919) % held.size();
  }
}
BENCHMARK(slab_acquire_release);

void ring_pool_lend_return(benchmark::State& state) {
  RingPool pool;
  for (auto _ : state) benchmark::DoNotOptimize(pool.lend(4096).bytes().data());
}
BENCHMARK(ring_pool_lend_return);

}  // namespace
}  // namespace sonde::memory
