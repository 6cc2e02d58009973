#include <benchmark/benchmark.h>

#include "pacing/in_flight_limit.h"
#include "pacing/token_bucket.h"

namespace sonde::pacing {
namespace {

void token_bucket_take(benchmark::State& state) {
  TokenBucket bucket(1e6, 1000);
  Nanos now = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bucket.take(now));
    now += 1000;
  }
}
BENCHMARK(token_bucket_take);

void in_flight_take_give(benchmark::State& state) {
  InFlightLimit limit(64, 1 << 20);
  std::uint64_t key = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(limit.take(key));
    limit.give(key++);
  }
}
BENCHMARK(in_flight_take_give);

}  // namespace
}  // namespace sonde::pacing
