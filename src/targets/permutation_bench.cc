#include "targets/permutation.h"

#include <benchmark/benchmark.h>

namespace {

// All of IPv4 without its reserved part; a size just over a power of two, the worst case of cycle walking.
void permutation_at(benchmark::State& state) {
  const sonde::targets::Permutation permutation(static_cast<std::uint64_t>(state.range(0)), 42);
  std::uint64_t position = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(permutation.at(position));
    if (++position == permutation.size()) position = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(permutation_at)
    ->Arg(65'536)
    ->Arg(3'702'258'432)
    ->Arg((std::int64_t{1} << 32) + 1)
    ->Arg(std::int64_t{1} << 62);

}  // namespace
