#include "targets/target_set.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/mix.h"
#include "targets/indexed_source.h"
#include "targets/target_set_builder.h"

namespace sonde::targets {
namespace {

TargetSet scattered(int addresses, const char* ports) {
  TargetSetBuilder builder;
  for (int i = 0; i < addresses; ++i)
    (void)builder.add(to_string(IpAddress::v4(static_cast<std::uint32_t>(mix64(static_cast<std::uint64_t>(i))))));
  builder.set_ports(*PortSet::parse(ports));
  return std::move(*builder.build());
}

TargetSet everything(const char* ports) {
  TargetSetBuilder builder;
  (void)builder.add("0.0.0.0/0");
  builder.set_ports(*PortSet::parse(ports));
  return std::move(*builder.build());
}

// What a shard pays for one target: position, permutation, address and port.
void take(benchmark::State& state, const TargetSet& set) {
  IndexedSource source(set, {.seed = 42});
  std::vector<Target> out(256);
  std::int64_t targets = 0;
  for (auto _ : state) {
    const std::size_t given = source.take(out);
    benchmark::DoNotOptimize(out.data());
    targets += static_cast<std::int64_t>(given);
  }
  state.SetItemsProcessed(targets);
}
void take_from_all_of_ipv4(benchmark::State& state) { take(state, everything("80")); }
void take_from_all_of_ipv4_five_ports(benchmark::State& state) { take(state, everything("22,25,80,443,8080")); }
void take_from_scattered(benchmark::State& state) {
  static const TargetSet set = scattered(2'000'000, "1-1000");
  take(state, set);
}
BENCHMARK(take_from_all_of_ipv4);
BENCHMARK(take_from_all_of_ipv4_five_ports);
BENCHMARK(take_from_scattered);

// Lines a second of a file of single addresses.
void read_list_file(benchmark::State& state) {
  std::string path = "/tmp/sonde_bench_XXXXXX";
  std::FILE* const file = ::fdopen(::mkstemp(path.data()), "w");
  const std::int64_t lines = state.range(0);
  for (std::int64_t i = 0; i < lines; ++i)
    std::fprintf(file, "%s\n",
                 to_string(IpAddress::v4(static_cast<std::uint32_t>(mix64(static_cast<std::uint64_t>(i))))).c_str());
  std::fclose(file);
  for (auto _ : state) {
    TargetSetBuilder builder;
    if (!builder.add_list_file(path)) state.SkipWithError("list");
  }
  state.SetItemsProcessed(state.iterations() * lines);
  ::unlink(path.c_str());
}
BENCHMARK(read_list_file)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void build_from_scattered(benchmark::State& state) {
  for (auto _ : state) {
    TargetSetBuilder builder;
    for (std::int64_t i = 0; i < state.range(0); ++i)
      (void)builder.add(to_string(IpAddress::v4(static_cast<std::uint32_t>(mix64(static_cast<std::uint64_t>(i))))));
    builder.set_ports(*PortSet::parse("80"));
    benchmark::DoNotOptimize(builder.build());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(build_from_scattered)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::targets
