// What a second of the stream costs, of a hundred thousand checks once a minute: 1,667 results are noted, taken to the
// mirror, encoded once, and copied for each viewer. And what a first picture costs.
#include "gateway/stream/stream.h"

#include <benchmark/benchmark.h>

#include <string>
#include <utility>

namespace sonde::gateway {
namespace {

constexpr Nanos kOffset = 1'700'000'000 * kSecond;
constexpr CheckId kChecks = 100'000;

class Nobody final : public ResultListener {
 public:
  void on_result(const Check&, const CheckResult&, const Transition*) override {}
};

// A book whose runs end as soon as they begin.
struct Book {
  Book() {
    books.push_back(std::make_unique<CheckBook>(nobody, network_down, kOffset));
    std::vector<CheckPtr> put;
    for (CheckId id = 1; id <= kChecks; ++id) {
      auto check = std::make_shared<Check>();
      check->id = id;
      check->name = "web";
      check->module = "http";
      check->target = "https://host-" + std::to_string(id) + ".example/health";
      check->interval = 60 * kSecond;
      put.push_back(std::move(check));
    }
    books[0]->change(std::move(put), {}, 0, nullptr);
    for (int i = 0; i < 61; ++i) pass_second();
  }
  void pass_second() {
    now += kSecond;
    std::vector<std::pair<std::unique_ptr<probes::CheckRun>, RunDone>> runs;
    books[0]->begin(now, now + kOffset, kChecks, [&](std::unique_ptr<probes::CheckRun> run, RunDone done) {
      runs.emplace_back(std::move(run), std::move(done));
    });
    for (auto& [run, done] : runs) {
      run->success = true;
      run->ending.outcome = results::Outcome::kSuccess;
      run->ending.phase = results::Phase::kDone;
      run->ending.timing_us.fill(1'500);
      run->ending.unix_time = now + kOffset;
      done(std::move(run));
    }
  }

  Nobody nobody;
  std::atomic<bool> network_down{false};
  std::vector<std::unique_ptr<CheckBook>> books;
  Nanos now = 0;
  Stream stream{books, [](Nanos at) {
                  StreamFacts facts;
                  facts.unix_now = at + kOffset;
                  return facts;
                }};
};

std::size_t take_all(FrameSource& viewer, Nanos now) {
  std::size_t bytes = 0;
  do {
    if (const auto frame = viewer.next(now)) bytes += frame->size();
  } while (viewer.next_time() <= now);
  return bytes;
}

// No viewers: what the runs themselves cost the book.
void stream_second(benchmark::State& state) {
  Book book;
  std::vector<std::shared_ptr<FrameSource>> viewers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    viewers.push_back(book.stream.open());
    take_all(*viewers.back(), book.now);
  }
  std::size_t bytes = 0;
  for (auto _ : state) {
    book.pass_second();
    for (const auto& viewer : viewers) bytes += take_all(*viewer, book.now);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(stream_second)->ArgName("viewers")->Arg(0)->Arg(1)->Arg(50)->Unit(benchmark::kMillisecond);

// Of a viewer whom others came before, or who is the first and alone.
void stream_picture(benchmark::State& state) {
  Book book;
  std::shared_ptr<FrameSource> other;
  if (state.range(0) > 0) {
    other = book.stream.open();
    take_all(*other, book.now);
  }
  for (auto _ : state) {
    const auto viewer = book.stream.open();
    benchmark::DoNotOptimize(take_all(*viewer, book.now));
  }
}
BENCHMARK(stream_picture)->ArgName("others")->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::gateway
