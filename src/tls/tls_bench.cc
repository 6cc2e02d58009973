// What a TLS handshake costs the client: the whole handshake and close of a ClientSession against a server in memory,
// counting the time within the client's calls alone. The process CPU clock, one thread: other processes do not count.
#include <benchmark/benchmark.h>
#include <time.h>

#include <memory>

#include "tls/client_session.h"
#include "tls/memory_server.h"

namespace sonde::tls {
namespace {

double cpu_now_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Meter {
  double spent_s = 0;
  template <typename Act>
  auto operator()(Act act) {
    const double from = cpu_now_s();
    if constexpr (std::is_void_v<decltype(act())>) {
      act();
      spent_s += cpu_now_s() - from;
    } else {
      auto result = act();
      spent_s += cpu_now_s() - from;
      return result;
    }
  }
};

enum class Kind { kFull, kResumed };

double handshake_s(const ClientContext& context, const MemoryServer& server, std::optional<SavedSession>& saved) {
  Meter meter;
  MemoryConnection peer(server);
  auto session = meter([&] {
    return std::make_unique<ClientSession>(
        context, SessionOptions{.server_name = "localhost", .resume = saved ? &*saved : nullptr});
  });
  for (int turn = 0; turn < 4; ++turn) {
    const std::string out = meter([&] {
      std::string text = text_of(session->outgoing());
      session->sent(text.size());
      return text;
    });
    if (out.empty()) break;
    peer.feed(bytes_of(out));
    const std::string in = peer.output();
    if (!in.empty()) meter([&] { session->feed(bytes_of(in)); });
  }
  SONDE_CHECK(session->state() == ClientSession::State::kOpen && peer.done, "the handshake of the benchmark");
  meter([&] {
    session->close();
    session->sent(session->outgoing().size());
    if (auto fresh = session->take_session()) saved = std::move(fresh);
    session.reset();
  });
  return meter.spent_s;
}

void handshake(benchmark::State& state, std::uint16_t version, Kind kind, bool rsa) {
  const MemoryServer server({.min_version = version, .max_version = version, .rsa = rsa, .alpn = "h2"});
  const auto context = ClientContext::create({.alpn = {"h2", "http/1.1"}});
  std::optional<SavedSession> saved;
  for (auto _ : state) {
    if (kind == Kind::kFull) saved.reset();
    state.SetIterationTime(handshake_s(**context, server, saved));
  }
}
BENCHMARK_CAPTURE(handshake, tls13_full_p256, 0x0304, Kind::kFull, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, tls13_full_rsa, 0x0304, Kind::kFull, true)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, tls13_psk, 0x0304, Kind::kResumed, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, tls12_full_p256, 0x0303, Kind::kFull, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, tls12_resumed, 0x0303, Kind::kResumed, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sonde::tls
