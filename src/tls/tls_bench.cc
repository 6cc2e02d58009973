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

void handshake(benchmark::State& state, Kind kind, ServerOptions options) {
  options.min_version = options.max_version;
  options.alpn = "h2";
  const MemoryServer server(options);
  const auto context = ClientContext::create({.alpn = {"h2", "http/1.1"}});
  std::optional<SavedSession> saved;
  for (auto _ : state) {
    if (kind == Kind::kFull) saved.reset();
    state.SetIterationTime(handshake_s(**context, server, saved));
  }
}

#define SONDE_HANDSHAKE(name, kind, ...) \
  BENCHMARK_CAPTURE(handshake, name, kind, __VA_ARGS__)->UseManualTime()->Unit(benchmark::kMicrosecond)
SONDE_HANDSHAKE(tls13_p256_leaf_alone, Kind::kFull, ServerOptions{.issuers = 0});
SONDE_HANDSHAKE(tls13_p256_chain_of_two, Kind::kFull, ServerOptions{});
SONDE_HANDSHAKE(tls13_rsa_chain_of_two, Kind::kFull, ServerOptions{.rsa = true});
SONDE_HANDSHAKE(tls13_psk, Kind::kResumed, ServerOptions{});
SONDE_HANDSHAKE(tls12_p256_leaf_alone, Kind::kFull, ServerOptions{.max_version = 0x0303, .issuers = 0});
SONDE_HANDSHAKE(tls12_p256_chain_of_two, Kind::kFull, ServerOptions{.max_version = 0x0303});
SONDE_HANDSHAKE(tls12_ticket, Kind::kResumed, ServerOptions{.max_version = 0x0303});

}  // namespace
}  // namespace sonde::tls
