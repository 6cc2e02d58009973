// What the history costs: a hundred thousand checks once a minute are 1,667 results a second, so 30 µs a result are 5 %
// of a core. All of it is measured: packing, transactions, sealing, roll-ups, the journal's deletion.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/mix.h"
#include "gateway/history/history.h"

namespace sonde::gateway {
namespace {

constexpr std::uint64_t kChecks = 20'000;  // the cost of a result does not depend on it
constexpr std::uint64_t kBatch = 833;      // of half a second
constexpr std::uint64_t kRounds = 12;      // of a minute each: a slice and what is behind it

void history_write(benchmark::State& state) {
  std::string directory = (std::filesystem::temp_directory_path() / "sonde_history_XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) return state.SkipWithError("no temporary directory");
  for (auto _ : state) {
    HistoryOptions options = history_options({.path = state.range(0) == 1 ? directory + "/sonde.db" : ""});
    options.slice_results = 10 * kChecks;
    const Nanos start = 1'700'000'000 * kSecond;
    options.now = [=] { return start; };
    History history(options);
    std::vector<CheckResult> batch;
    for (std::uint64_t i = 0; i < kRounds * kChecks; ++i) {
      CheckResult& result = batch.emplace_back();
      result.id = mix64(i % kChecks);
      result.unix_time = start + static_cast<Nanos>(i) * (60 * kSecond / static_cast<Nanos>(kChecks));
      result.success = i % 50 != 0;
      result.cause = result.success ? "" : "connect refused";
      const auto random = static_cast<std::int32_t>(mix64(i) % 1000);
      result.timing_us = {-1, 200 + random, -1, 10, 900 + random, 50, 1500 + 2 * random};
      if (batch.size() < kBatch) continue;
      history.add(std::move(batch));
      batch.clear();
      history.flush();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRounds * kChecks));
  std::filesystem::remove_all(directory);
}
BENCHMARK(history_write)
    ->ArgName("file")
    ->Arg(1)
    ->Arg(0)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->MeasureProcessCPUTime();

void history_query(benchmark::State& state) {
  HistoryOptions options = history_options({});
  options.slice_results = 60;
  const Nanos start = 1'700'000'000 * kSecond;
  options.now = [=] { return start; };
  History history(options);
  for (int i = 0; i < 7 * 1440; ++i) {  // a week, every minute
    CheckResult result{.id = 1, .unix_time = start + i * 60 * kSecond, .success = true};
    result.timing_us = {-1, 200, -1, 10, 900, 50, 1500};
    history.add(result);
    if (i % 60 == 0) history.flush();
  }
  history.flush();
  for (auto _ : state) benchmark::DoNotOptimize(history.query(1, {.step = state.range(0) * kSecond}));
}
BENCHMARK(history_query)->ArgName("step")->Arg(0)->Arg(60)->Arg(3600)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sonde::gateway
