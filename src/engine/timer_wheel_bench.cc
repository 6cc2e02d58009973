#include "engine/timer_wheel.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "base/mix.h"

namespace sonde::engine {
namespace {

// A million armed deadlines of 3 s ± 1 s; one is moved at a time, as a phase change does.
void timer_rearm_among_a_million(benchmark::State& state) {
  TimerWheel wheel(0);
  std::vector<TimerNode> nodes(1'000'000);
  std::uint64_t random = 0;
  for (TimerNode& node : nodes) wheel.arm(node, 2 * kSecond + static_cast<Nanos>(mix64(random++) % (2 * kSecond)));
  for (auto _ : state) {
    const std::uint64_t r = mix64(random++);
    wheel.arm(nodes[r % nodes.size()], 2 * kSecond + static_cast<Nanos>(r >> 20) % (2 * kSecond));
  }
}
BENCHMARK(timer_rearm_among_a_million);

// Arms a million, lets all of them expire.
void timer_expire_a_million(benchmark::State& state) {
  std::vector<TimerNode> nodes(1'000'000);
  for (auto _ : state) {
    TimerWheel wheel(0);
    std::uint64_t random = 0;
    for (TimerNode& node : nodes) wheel.arm(node, static_cast<Nanos>(mix64(random++) % (4 * kSecond)));
    std::size_t fired = 0;
    for (Nanos now = 0; now <= 4 * kSecond; now += kMillisecond)
      while (wheel.pop_expired(now) != nullptr) ++fired;
    if (fired != nodes.size()) state.SkipWithError("not all deadlines fired");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(nodes.size()));
}
BENCHMARK(timer_expire_a_million)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::engine
