// Random servers, met on the simulator, on epoll and on io_uring: whatever they do, the verdicts are the same. The
// scripts are such that time does not decide: their pauses are far below the banner probe's patience, and what is
// silent stays so. Where a machine under load stretched one all the same, the next pass tells: a true difference is
// there in each.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"
#include "io/engine.h"
#include "population/tls12_flight.h"
#include "world/server.h"

namespace sonde::testing_sim {
namespace {

using population::Act;
using population::Arrival;
using population::Role;
using results::Phase;

constexpr std::uint32_t kRoles = 48;
constexpr std::uint32_t kTargets = 192;
constexpr int kPasses = 4;  // at the most, on a kernel
constexpr Nanos kReadTimeout = 1500 * kMillisecond;

// Roles of a seed, with the storage that they borrow from.
class RandomRoles {
 public:
  explicit RandomRoles(std::uint64_t seed) : random_(seed) {
    for (std::uint32_t i = 0; i < kRoles; ++i) add(i);
  }
  population::Mix mix() const {
    population::Mix mix;
    for (const Role& role : roles_) mix.weights.emplace_back(&role, 1);
    return mix;
  }
  // What a server does, for a failure's message.
  static std::string describe(const Role& role) {
    std::string text = role.arrival == Arrival::kRefuse ? "refuses" : "accepts";
    for (const Act& act : role.script) {
      switch (act.kind) {
        case Act::Kind::kSend:
          text += ", sends " + testing::PrintToString(std::string(act.bytes));
          break;
        case Act::Kind::kAwait:
          text += ", awaits " + std::to_string(act.count);
          break;
        case Act::Kind::kPause:
          text += ", pauses " + std::to_string(act.pause / kMillisecond) + " ms";
          break;
        case Act::Kind::kClose:
          text += ", closes";
          break;
        case Act::Kind::kReset:
          text += ", resets";
          break;
        case Act::Kind::kDeafen:
          text += ", hears nothing more";
          break;
        case Act::Kind::kReply:  // of datagrams alone
          break;
      }
    }
    return text;
  }

 private:
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  void add(std::uint32_t number) {
    static constexpr std::array<std::string_view, 18> kPieces = {"SSH-2.0-x_1 y\r\n",
                                                                 "SSH-2.0-x",
                                                                 "220 mail ESMTP\r\n",
                                                                 "220-mail\r\n",
                                                                 "+OK ready\r\n",
                                                                 "* OK ready\r\n",
                                                                 "hello",
                                                                 "\n",
                                                                 "\r\n",
                                                                 "\xff\x01",
                                                                 "-ERR no\r\n",
                                                                 "HTTP/1.1 200 OK\r\n\r\n",
                                                                 population::kTls12ServerHello,
                                                                 population::kTls12Certificate,
                                                                 population::kTls12Flight,
                                                                 population::kTls12Flight.substr(0, 200),
                                                                 {"\x15\x03\x03\x00\x02\x02\x28", 7},
                                                                 {"\x15\x03\x01\x00\x02\x01\x70", 7}};
    std::vector<Act>& script = scripts_.emplace_back();
    const bool refuses = below(10) == 0;
    for (std::uint32_t acts = refuses ? 0 : below(6); acts > 0; --acts) {
      switch (below(5)) {
        case 0:
          script.push_back({.kind = Act::Kind::kPause, .pause = (1 + below(30)) * kMillisecond});
          break;
        case 1:
          script.push_back({.kind = Act::Kind::kAwait, .count = 1});
          break;
        default:
          script.push_back({.kind = Act::Kind::kSend, .bytes = kPieces[below(kPieces.size())]});
      }
    }
    const std::uint32_t end = refuses ? 3 : below(4);
    if (end == 0) script.push_back({.kind = Act::Kind::kClose});
    if (end == 1) {
      // A RST right behind the handshake may reach the kernel while io_uring's CONNECT looks whether it is done; what
      // was sent before is gone then. That race is not ours.
      script.push_back({.kind = Act::Kind::kPause, .pause = 30 * kMillisecond});
      script.push_back({.kind = Act::Kind::kReset});
    }
    names_.push_back("random_" + std::to_string(number));
    roles_.push_back({.name = names_.back(),
                      .help = {},
                      .arrival = refuses ? Arrival::kRefuse : Arrival::kAccept,
                      .script = script,
                      .tcp = {},
                      .banner = {},
                      .tls = {},
                      .http = {}});
  }

  std::mt19937_64 random_;
  std::deque<std::string> names_;
  std::deque<std::vector<Act>> scripts_;
  std::deque<Role> roles_;
};

// Whether a connection that stays, and says nothing, is ended by its server.
bool ends_by_itself(const Role& role) {
  if (role.arrival == Arrival::kRefuse) return true;
  for (const Act& act : role.script) {
    if (act.kind == Act::Kind::kAwait) return false;
    if (act.kind == Act::Kind::kClose || act.kind == Act::Kind::kReset) return true;
  }
  return false;
}

// What a probe found, in words.
using Verdicts = std::map<std::uint32_t, std::string>;  // by address

class Differential : public testing::TestWithParam<std::tuple<const char*, std::uint64_t>> {
 protected:
  const char* probe() const { return std::get<0>(GetParam()); }

  // The verdicts of one pass over all targets on `backend`, which is drained then.
  Verdicts pass(io::Backend& backend, memory::RingPool& pool, std::uint16_t port) {
    const std::vector<Endpoint> targets = endpoints(kTargets, {port});
    ListSource source(targets);
    KeepAll consumer;
    Modules modules({probe()});
    engine::Limits limits = make_limits({});
    engine::Shard shard(
        {.concurrency = kTargets, .tls_timeout = kReadTimeout, .read_timeout = kReadTimeout, .fatal_audit = true},
        modules.pass, source, limits, backend, pool, nullptr, consumer);
    const bool stays = std::string_view(probe()) == "stay";
    std::size_t ends = 0;
    for (const Endpoint& target : targets) ends += !stays || ends_by_itself(population_.role_of(target)) ? 1 : 0;
    const Nanos give_up = backend.refresh() + 20 * kSecond;
    const auto only_late = [&] {
      return shard.stats().in_flight.value() == 0;
    };  // another thread's time is not virtual
    while (consumer.kept.size() < ends && (backend.now() < give_up || only_late())) {
      shard.turn(backend.refresh() + 10 * kMillisecond);
      if (only_late()) std::this_thread::yield();
    }
    EXPECT_EQ(consumer.kept.size(), ends) << backend.name();
    EXPECT_EQ(shard.stats().resting.value(), targets.size() - ends) << backend.name();
    shard.cut();
    EXPECT_EQ(shard.audit().illegal_moves(), 0U);
    backend.drain();
    EXPECT_EQ(pool.stats().in_use, 0U) << backend.name();
    Verdicts verdicts;
    for (const Kept& record : consumer.kept) {
      std::string& verdict = verdicts[record.endpoint.address.v4_bits()];
      EXPECT_TRUE(verdict.empty()) << "one record each";
      // Whether the request was written before the server's FIN or RST came is chance.
      const bool unwritten = std::string_view(probe()) == "http" && record.phase == Phase::kWrite;
      const Phase phase = unwritten ? Phase::kFirstByte : record.phase;
      verdict = std::string(results::name(record.outcome)) + " in " + std::string(results::name(phase)) + " '" +
                record.text(0) + "' '" + record.text(1) + "'";
    }
    return verdicts;
  }

  Verdicts on_simulator(std::uint64_t seed) {
    memory::RingPool pool;
    io::SimBackend backend(population_, {.seed = seed});
    return pass(backend, pool, port_);
  }
  Verdicts on_kernel(io::Engine engine) {
    memory::RingPool pool;
    auto backend = io::open_backend(io::choose_engine(engine), pool, kTargets);
    EXPECT_TRUE(backend);
    return backend ? pass(**backend, pool, port_) : Verdicts{};
  }

  void expect_same_on_kernel(const Verdicts& expected, io::Engine engine, const char* where) {
    Verdicts found = on_kernel(engine);
    for (int pass = 1; pass < kPasses && found != expected; ++pass)
      for (const auto& [address, verdict] : on_kernel(engine))
        if (const auto wanted = expected.find(address); wanted != expected.end() && wanted->second == verdict)
          found[address] = verdict;
    expect_same(expected, found, where);
  }

  void expect_same(const Verdicts& expected, const Verdicts& found, const char* where) {
    for (const auto& [address, verdict] : expected) {
      const auto other = found.find(address);
      const Role& role = population_.role_of({.address = IpAddress::v4(address), .port = port_});
      EXPECT_EQ(other == found.end() ? "nothing" : other->second, verdict)
          << where << " differs from the simulator: " << RandomRoles::describe(role);
    }
    EXPECT_EQ(found.size(), expected.size());
  }

  RandomRoles roles_{std::get<1>(GetParam())};
  population::Population population_{roles_.mix(), std::get<1>(GetParam())};
  std::uint16_t port_ = 80;
};

TEST_P(Differential, random_servers_are_told_the_same_on_every_backend) {
  world::Server server;
  world::ServerOptions serve;
  serve.population = &population_;
  serve.prefix = IpAddress::v4(0x7f5b0000);
  serve.prefix_length = 24;
  serve.ports = {0};
  const Parsed<> started = server.start(serve);
  ASSERT_TRUE(started) << started.error().text;
  port_ = server.ports().front();
  const Verdicts expected = on_simulator(1);
  for (const std::uint64_t seed : {2, 3, 4}) expect_same(expected, on_simulator(seed), "another seed");
  expect_same_on_kernel(expected, io::Engine::kEpoll, "epoll");
  const io::EngineChoice uring = io::choose_engine(io::Engine::kUring);
  if (uring.engine != io::Engine::kUring) GTEST_SKIP() << uring.notice;
  expect_same_on_kernel(expected, io::Engine::kUring, "io_uring");
}

INSTANTIATE_TEST_SUITE_P(Probes, Differential,
                         testing::Combine(testing::Values("tcp", "banner", "tls", "tls_full", "http", "stay"),
                                          testing::Values(11, 12)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + "_" + std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace sonde::testing_sim
