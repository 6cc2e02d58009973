// What a session costs: the heap of one that is open and idle (after an answer with common fields), and requests a
// second on a session that is kept.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <deque>

#include "http2/client_session.h"
#include "http2/memory_server.h"

namespace sonde::http2 {
namespace {

const Answer kAnswer = {.fields = {{":status", "200"},
                                   {"server", "nginx"},
                                   {"date", "Thu, 01 Jan 2026 00:00:00 GMT"},
                                   {"content-type", "text/html; charset=utf-8"},
                                   {"content-length", "612"},
                                   {"last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"},
                                   {"etag", "\"61d8c5b0-264\""},
                                   {"accept-ranges", "bytes"}},
                        .body = std::string(612, 'x')};
constexpr Header kFields[] = {{"user-agent", "sonde/0.1"}, {"accept", "*/*"}, {"accept-encoding", "gzip, br"}};
constexpr Request kRequest = {.authority = "host.example", .path = "/", .headers = kFields};

struct Count : StreamSink {
  void on_status(unsigned) override {}
  void on_header(std::string_view, std::string_view) override {}
  void on_trailer(std::string_view, std::string_view) override {}
  void on_data(std::span<const std::byte> bytes) override { total += bytes.size(); }
  void on_end() override { ++ended; }
  void on_reset(Reset) override {}
  std::uint64_t total = 0, ended = 0;
};

void idle_session_bytes(benchmark::State& state) {
  const bool used = state.range(0) != 0;
  // The answer's bytes, once: a new server says the same to each new client.
  std::string reply;
  {
    ClientSession client;
    MemoryServer server;
    server.answer = [](MemoryServer& self, StreamId id) { self.respond(id, kAnswer); };
    Count sink;
    client.submit(kRequest, sink);
    server.feed(bytes_of(take(client)));
    reply = server.output();
  }
  constexpr std::size_t kSessions = 500;
  for (auto _ : state) {
    std::deque<ClientSession> sessions;
    Count sink;
    const std::size_t before = mallinfo2().uordblks;
    for (std::size_t i = 0; i < kSessions; ++i) {
      ClientSession& client = sessions.emplace_back();
      if (used) client.submit(kRequest, sink);
      take(client);
      if (used) feed(client, reply);
      take(client);
    }
    state.counters["bytes_a_session"] = static_cast<double>(mallinfo2().uordblks - before) / kSessions;
    SONDE_CHECK(sink.ended == (used ? kSessions : 0), "every request is answered");
  }
}
BENCHMARK(idle_session_bytes)->Arg(0)->Arg(1);

void requests(benchmark::State& state) {
  ClientSession client;
  MemoryServer server;
  server.answer = [](MemoryServer& self, StreamId id) { self.respond(id, kAnswer); };
  Count sink;
  for (auto _ : state) {
    client.submit(kRequest, sink);
    converse(client, server);
  }
  SONDE_CHECK(sink.ended == static_cast<std::uint64_t>(state.iterations()), "every request is answered");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(requests);

}  // namespace
}  // namespace sonde::http2
