// One table, every backend: each role of the population says what a tcp, a banner, a tls and an http probe must find,
// and whether a connection that stays is still there in the end; the simulator plays the roles in virtual time, the
// world plays them on real sockets over loopback, met through epoll and through io_uring. The verdicts must be the
// table's on all three.
#include <gtest/gtest.h>

#include "harness.h"
#include "io/engine.h"
#include "population/population.h"
#include "probes/http/http_fields.h"
#include "probes/tls/tls_fields.h"
#include "world/server.h"

// A world's thread has a descriptor table of its own, so descriptor 5 there is another file than descriptor 5 here.
// ThreadSanitizer does not know that and takes them for one.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:sonde::world::Server::Table::";
}

namespace sonde::testing_sim {
namespace {

using population::Population;
using population::Role;

constexpr auto kTlsVersion = static_cast<std::size_t>(probes::TlsField::kVersion);
constexpr auto kHttpVersion = static_cast<std::size_t>(probes::HttpField::kVersion);
constexpr auto kHttpSpeaks = static_cast<std::size_t>(probes::HttpField::kSpeaks);
constexpr auto kHttpStatus = static_cast<std::size_t>(probes::HttpField::kStatus);

population::Mix every_role(bool simulator) {
  population::Mix mix;
  for (const Role& role : population::roles())
    if (simulator || role.arrival != population::Arrival::kUnreachable) mix.weights.emplace_back(&role, 1);
  return mix;
}

// What the table says of a probe; "tls_full" is the tls probe by OpenSSL, which checks the signature of the handshake:
// a flight that is played from a tape has none that fits.
population::Expectation expectation_of(const Role& role, const std::string& probe) {
  if (probe == "tcp") return role.tcp;
  if (probe == "banner") return role.banner;
  if (probe == "http") return role.http;
  if (probe == "http_follow") {
    population::Expectation led = role.http;
    if (role.name == "http_redirect") led.text = "200";
    if (role.name == "http_circle") {
      led.outcome = "protocol_error";
      led.phase = "read";
    }
    return led;
  }
  population::Expectation expected = role.tls;
  if (probe == "tls_full" && expected.outcome == "success") {
    expected.outcome = "tls_error";
    expected.phase = "tls";
  }
  return expected;
}

// What an http probe has learned of the server.
void expect_http(const Kept& record, const population::Expectation& expected, const Role& role) {
  EXPECT_EQ(record.text(record.text(kHttpVersion).empty() ? kHttpSpeaks : kHttpVersion), expected.protocol)
      << role.name;
  const auto* status = std::get_if<std::int64_t>(&record.values.at(kHttpStatus));
  EXPECT_EQ(status == nullptr ? "" : std::to_string(*status), expected.text) << role.name;
}

void expect_verdicts(const std::vector<Kept>& kept, const Population& population, const std::string& probe,
                     std::size_t targets, bool asks_kernel = true) {
  EXPECT_EQ(kept.size(), targets);
  std::map<std::string_view, int> seen;
  for (const Kept& record : kept) {
    const Role& role = population.role_of(record.endpoint);
    const population::Expectation expected = expectation_of(role, probe);
    ++seen[role.name];
    EXPECT_EQ(results::name(record.outcome), expected.outcome) << role.name << " " << probe << " " << record.error;
    const bool speaks_at_once = probe.starts_with("tls") || probe.starts_with("http");
    // Whether the request was written before the server's FIN or RST came is chance.
    const bool unwritten =
        speaks_at_once && record.phase == results::Phase::kWrite && role.name.ends_with("_on_accept");
    EXPECT_EQ(results::name(record.phase), unwritten ? "write" : expected.phase) << role.name << " " << probe;
    // Which comes first, the hello at once or the deafness, is chance.
    const bool chance = role.name == "deaf" && speaks_at_once && record.cause == results::Cause::kRequestUnacked;
    EXPECT_EQ(results::name(record.cause), chance ? "request_unacked" : expected.cause) << role.name << " " << probe;
    EXPECT_EQ(record.rtt_us.has_value(), asks_kernel && expected.outcome == "timeout")
        << role.name << ": timeouts alone are asked for";
    if (record.rtt_us) {
      EXPECT_EQ(*record.rtt_us > 0, record.phase != results::Phase::kConnect) << role.name;
    }
    if (probe == "tls") {
      EXPECT_EQ(record.text(kTlsVersion), expected.protocol) << role.name;
    }
    EXPECT_EQ(record.error.empty(), expected.outcome == "success") << role.name;
    if (probe.starts_with("http")) expect_http(record, expected, role);
    if (probe == "banner") {
      EXPECT_EQ(record.text(0), expected.protocol) << role.name;
      if (!expected.text.empty()) {
        EXPECT_EQ(record.text(1), expected.text) << role.name;
      }
    }
    std::int64_t sum = 0;
    for (std::size_t i = 0; i + 1 < record.timing_us.size(); ++i) sum += std::max(record.timing_us[i], 0);
    EXPECT_LE(sum, record.timing_us.back()) << "phases add up to no more than the total";
  }
  EXPECT_EQ(seen.size(), population.mix().weights.size()) << "every role must have been met";
}

class Scenario : public testing::TestWithParam<const char*> {};

TEST_P(Scenario, has_the_tables_verdicts_on_the_simulator) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const Population population(every_role(true), seed);
    ListSource source(endpoints(500));
    KeepAll consumer;
    SimRun run(population, {.seed = seed}, {.concurrency = 100}, {GetParam()}, source, consumer);
    run.run();
    expect_verdicts(consumer.kept, population, GetParam(), 500);
    EXPECT_EQ(run.pool.stats().in_use, 0U);
    EXPECT_EQ(run.backend.open(), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Probes, Scenario, testing::Values("tcp", "banner", "tls", "tls_full", "http", "http_follow"),
                         [](const auto& probe) { return std::string(probe.param); });

// A world of every role, and a backend of each kind to meet it through.
class KernelScenario : public testing::TestWithParam<std::tuple<const char*, io::Engine>> {
 protected:
  static constexpr std::uint32_t kTargets = 1000;  // so many that no role is missing, whatever port the kernel gives

  void SetUp() override {
    choice_ = io::choose_engine(std::get<1>(GetParam()));
    if (choice_.engine != std::get<1>(GetParam())) GTEST_SKIP() << choice_.notice;
    world::ServerOptions serve;
    serve.population = &population_;
    serve.prefix = IpAddress::v4(0x7f5b0000);
    serve.prefix_length = 22;
    serve.ports = {0};  // one that is free
    const Parsed<> started = server_.start(serve);
    ASSERT_TRUE(started) << started.error().text;
    source_ = std::make_unique<ListSource>(endpoints(kTargets, {server_.ports().front()}));
    auto backend = io::open_backend(choice_, pool_, kTargets);
    ASSERT_TRUE(backend);
    backend_ = std::move(*backend);
    // Short budgets: what is silent here stays silent.
    shard_ = std::make_unique<engine::Shard>(engine::ShardOptions{.concurrency = kTargets,
                                                                  .connect_timeout = kSecond,
                                                                  .tls_timeout = 4 * kSecond,
                                                                  .read_timeout = 4 * kSecond,
                                                                  .fatal_audit = true},
                                             modules_.pass, *source_, limits_, *backend_, pool_, nullptr, consumer_);
  }
  void TearDown() override {
    if (backend_ == nullptr) return;
    shard_->cut();
    backend_->drain();
    EXPECT_EQ(pool_.stats().in_use, 0U) << "every buffer must have come back";
  }
  bool turn() { return shard_->turn(backend_->refresh() + 10 * kMillisecond); }

  Population population_{every_role(false), 7};
  world::Server server_;
  io::EngineChoice choice_;
  memory::RingPool pool_;
  std::unique_ptr<ListSource> source_;
  KeepAll consumer_;
  Modules modules_{{std::get<0>(GetParam())}};
  engine::Limits limits_ = make_limits({});
  std::unique_ptr<io::Backend> backend_;
  std::unique_ptr<engine::Shard> shard_;
};

std::string name_of(const testing::TestParamInfo<std::tuple<const char*, io::Engine>>& info) {
  return std::string(std::get<0>(info.param)) + "_" +
         (std::get<1>(info.param) == io::Engine::kEpoll ? "epoll" : "uring");
}

using ProbeScenario = KernelScenario;

TEST_P(ProbeScenario, has_the_tables_verdicts_over_loopback) {
  while (turn()) {
  }
  const bool asks = choice_.engine == io::Engine::kEpoll || choice_.features.fd_install;
  expect_verdicts(consumer_.kept, population_, std::get<0>(GetParam()), kTargets, asks);
}

INSTANTIATE_TEST_SUITE_P(Kernel, ProbeScenario,
                         testing::Combine(testing::Values("tcp", "banner", "tls", "tls_full", "http", "http_follow"),
                                          testing::Values(io::Engine::kEpoll, io::Engine::kUring)),
                         name_of);

// How a connection that only stays must end: what its server does without hearing a word.
std::string_view end_of_stay(const Role& role) {
  using population::Act;
  if (role.arrival != population::Arrival::kAccept) return role.tcp.outcome;
  for (const Act& act : role.script) {
    if (act.kind == Act::Kind::kAwait || act.kind == Act::Kind::kDeafen) return {};
    if (act.kind == Act::Kind::kPause && act.pause > kSecond) return {};
    if (act.kind == Act::Kind::kClose) return "closed";
    if (act.kind == Act::Kind::kReset) return "reset";
  }
  return {};
}

void expect_stays(const std::vector<Kept>& kept, const Population& population, std::uint64_t resting,
                  const std::vector<Endpoint>& targets) {
  std::map<std::string_view, int> ended;
  for (const Kept& record : kept) {
    const Role& role = population.role_of(record.endpoint);
    EXPECT_EQ(results::name(record.outcome), end_of_stay(role)) << role.name;
    ++ended[results::name(record.outcome)];
  }
  std::uint64_t stay = 0;
  for (const Endpoint& endpoint : targets) stay += end_of_stay(population.role_of(endpoint)).empty() ? 1 : 0;
  EXPECT_EQ(resting, stay);
  EXPECT_EQ(kept.size(), targets.size() - stay);
  for (const char* outcome : {"closed", "reset", "refused", "timeout"}) EXPECT_GT(ended[outcome], 0) << outcome;
}

TEST(StaySim, what_the_peer_leaves_open_stays) {
  const Population population(every_role(false), 7);
  const std::vector<Endpoint> targets = endpoints(300);
  ListSource source(targets);
  KeepAll consumer;
  SimRun run(population, {.seed = 7}, {.concurrency = 300, .connect_timeout = kSecond}, {"stay"}, source, consumer);
  const Nanos end = run.backend.now() + 5 * kSecond;
  while (run.backend.now() < end) run.shard->turn(end);
  expect_stays(consumer.kept, population, run.shard->stats().resting.value(), targets);
  EXPECT_GT(run.shard->stats().timers.value(), 0U) << "an idle connection has a deadline";
  run.shard->cut();
  EXPECT_EQ(run.shard->stats().resting.value(), 0U);
  EXPECT_EQ(run.pool.stats().in_use, 0U);
}

using StayScenario = KernelScenario;

TEST_P(StayScenario, what_the_peer_leaves_open_stays) {
  const std::vector<Endpoint> targets = endpoints(kTargets, {server_.ports().front()});
  std::uint64_t ends = 0;
  for (const Endpoint& endpoint : targets) ends += end_of_stay(population_.role_of(endpoint)).empty() ? 0 : 1;
  // The bound is for a broken build: all is over when the last second's pause and connect timeout are.
  for (int turns = 0; turns < 60'000 && consumer_.kept.size() < ends; ++turns) turn();
  expect_stays(consumer_.kept, population_, shard_->stats().resting.value(), targets);
}

INSTANTIATE_TEST_SUITE_P(Kernel, StayScenario,
                         testing::Combine(testing::Values("stay"),
                                          testing::Values(io::Engine::kEpoll, io::Engine::kUring)),
                         name_of);

}  // namespace
}  // namespace sonde::testing_sim
