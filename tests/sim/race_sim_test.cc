// Names with several addresses, tried as happy eyeballs are (RFC 8305), in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "harness.h"

namespace sonde::testing_sim {
namespace {

using engine::Resolved;
using engine::ShardOptions;
using population::Population;
using results::Outcome;
using results::Phase;

constexpr std::uint16_t kPort = 80;
constexpr Nanos kRtt = 10 * kMillisecond;
using Addresses = std::vector<IpAddress>;

// The addresses of each name, after a millisecond.
class TableResolver final : public engine::Resolver {
 public:
  TableResolver(const std::vector<Addresses>& table, const io::Backend& clock) : table_(table), clock_(clock) {}
  void resolve(ConnectionId id, std::string_view host, std::optional<engine::IpVersion>) override {
    const Addresses& addresses = table_[std::stoul(std::string(host.substr(4)))];
    coming_.push_back({.id = id, .address = addresses.front(), .addresses = addresses});
    at_ = clock_.now() + kMillisecond;
  }
  bool full() const override { return false; }
  void on_descriptor(int, bool, bool) override {}
  void on_time() override {}
  Nanos next_time(Nanos) const override { return coming_.empty() ? kNever : at_; }
  std::span<const Resolved> take_answers() override {
    came_.clear();
    if (clock_.now() >= at_) came_.swap(coming_);
    return came_;
  }

 private:
  const std::vector<Addresses>& table_;
  const io::Backend& clock_;
  Nanos at_ = 0;
  std::vector<Resolved> coming_;
  std::vector<Resolved> came_;
};

// host0, host1, …, each with the addresses that the table gives it.
class HostSource final : public targets::TargetSource {
 public:
  explicit HostSource(std::size_t names) : names_(names) {}
  std::size_t take(std::span<targets::Target> out) override {
    std::size_t count = 0;
    for (; count < out.size() && next_ < names_; ++count, ++next_)
      out[count] = targets::Target{
          .position = next_, .endpoint = {.address = {}, .port = kPort}, .host = "host" + std::to_string(next_)};
    return count;
  }
  bool exhausted() const override { return next_ == names_; }
  std::optional<std::uint64_t> total() const override { return names_; }
  std::uint64_t cursor() const override { return next_; }

 private:
  std::size_t names_;
  std::size_t next_ = 0;
};

// A world where every fourth address is open, refuses, is silent or unreachable.
class World {
 public:
  const Population& population() const { return population_; }
  // The next address of the role that no other name has.
  IpAddress next(std::string_view role, bool v6) {
    for (;;) {
      ++number_;
      const IpAddress address =
          v6 ? IpAddress::v6((U128{0x20010db8} << 96) + number_) : IpAddress::v4(0x7f5b0000 + number_);
      if (population_.role_of({.address = address, .port = kPort}).name == role) return address;
    }
  }

 private:
  Population population_{*population::parse_mix("open_mute=1,refused=1,silent=1,unreachable=1"), 1};
  std::uint32_t number_ = 0;
};

struct RaceRun {
  RaceRun(World& world, std::vector<Addresses> addresses, ShardOptions options, Pacing pacing = {},
          const char* probe = "tcp", io::SimOptions sim = {})
      : table(std::move(addresses)), source(table.size()) {
    sim.rtt_min = sim.rtt_max = kRtt;
    options.happy_eyeballs = true;
    run = std::make_unique<SimRun>(
        world.population(), sim, options, std::vector<std::string>{probe}, source, consumer, pacing,
        [this](const io::Backend& clock) { return std::make_unique<TableResolver>(table, clock); });
  }
  SimRun* operator->() const { return run.get(); }

  // What must hold when nothing is in flight any more.
  void expect_all_is_given_back(std::uint32_t per_host) {
    const engine::ShardStats& stats = run->shard->stats();
    EXPECT_EQ(stats.started.value(), stats.finished.value() + stats.abandoned.value());
    EXPECT_EQ(run->backend.open(), 0U);
    EXPECT_EQ(stats.timers.value(), 0U);
    std::set<std::uint64_t> cells;
    for (const Addresses& addresses : table)
      for (const IpAddress& address : addresses) {
        if (per_host == 0 || !cells.insert(mix64(address.hash()) & 4095).second) continue;
        for (std::uint32_t i = 0; i < per_host; ++i)
          ASSERT_TRUE(run->limits.per_host.take(address.hash())) << to_string(address);
        ASSERT_FALSE(run->limits.per_host.take(address.hash())) << to_string(address) << " was given back twice";
      }
  }

  std::vector<Addresses> table;
  HostSource source;
  KeepAll consumer;
  std::unique_ptr<SimRun> run;
};

std::int32_t ms(const Kept& record, Phase phase) { return record.timing_us[static_cast<std::size_t>(phase)] / 1000; }

TEST(RaceSim, a_silent_first_address_costs_a_quarter_of_a_second) {
  World world;
  const IpAddress silent = world.next("silent", true), open = world.next("open_mute", false);
  RaceRun run(world, {{silent, open}}, {.concurrency = 10}, {.per_host = 1});
  run->run();
  ASSERT_EQ(run.consumer.kept.size(), 1U);
  const Kept& record = run.consumer.kept.front();
  EXPECT_EQ(record.outcome, Outcome::kSuccess);
  EXPECT_EQ(record.endpoint.address, open);
  EXPECT_EQ(record.host, "host0");
  EXPECT_EQ(record.attempts, 1U);
  EXPECT_EQ(ms(record, Phase::kDns), 1);
  EXPECT_EQ(ms(record, Phase::kConnect), 10) << "of the address that it is";
  EXPECT_EQ(ms(record, Phase::kDone), 1 + 250 + 10);
  EXPECT_EQ(run->shard->stats().attempts.value(), 2U);
  EXPECT_EQ(run->shard->stats().started.value(), 1U);
  run.expect_all_is_given_back(1);
}

TEST(RaceSim, the_first_that_connects_needs_no_other) {
  World world;
  RaceRun run(world, {{world.next("open_mute", true), world.next("open_mute", false)}}, {.concurrency = 10});
  run->run();
  EXPECT_EQ(run.consumer.kept.front().endpoint.address, run.table[0][0]);
  EXPECT_EQ(ms(run.consumer.kept.front(), Phase::kDone), 11);
  EXPECT_EQ(run->shard->stats().attempts.value(), 1U);
}

TEST(RaceSim, a_refusal_gives_the_next_its_turn_at_once) {
  World world;
  for (const char* role : {"refused", "unreachable"}) {
    RaceRun run(world, {{world.next(role, true), world.next("open_mute", false)}}, {.concurrency = 10},
                {.per_host = 1});
    run->run();
    const Kept& record = run.consumer.kept.front();
    EXPECT_EQ(record.outcome, Outcome::kSuccess);
    EXPECT_EQ(record.endpoint.address, run.table[0][1]);
    EXPECT_EQ(ms(record, Phase::kDone), 1 + 10 + 10);
    EXPECT_EQ(ms(record, Phase::kConnect), 10);
    run.expect_all_is_given_back(1);
  }
}

TEST(RaceSim, families_alternate) {
  World world;
  const auto silent = [&](bool v6) { return world.next("silent", v6); };
  const IpAddress open = world.next("open_mute", false);
  // In the order of preference three of IPv6 come first; the open one is the second of IPv4, and so the fourth in turn.
  RaceRun run(world, {{silent(true), silent(true), silent(true), silent(false), open}}, {.concurrency = 10});
  run->run();
  const Kept& record = run.consumer.kept.front();
  EXPECT_EQ(record.endpoint.address, open);
  EXPECT_EQ(ms(record, Phase::kDone), 1 + 3 * 250 + 10);
}

TEST(RaceSim, all_silent_is_a_timeout_of_all_and_each_has_the_whole_connect_timeout) {
  World world;
  RaceRun run(world, {{world.next("silent", true), world.next("silent", false)}},
              {.concurrency = 10, .connect_timeout = kSecond}, {.per_host = 1});
  run->run();
  ASSERT_EQ(run.consumer.kept.size(), 1U);
  const Kept& record = run.consumer.kept.front();
  EXPECT_EQ(record.outcome, Outcome::kTimeout);
  EXPECT_EQ(record.phase, Phase::kConnect);
  EXPECT_NEAR(ms(record, Phase::kDone), 1 + 250 + 1000, 2);
  run.expect_all_is_given_back(1);
}

TEST(RaceSim, the_total_bounds_all_of_them) {
  World world;
  RaceRun run(world, {{world.next("silent", true), world.next("silent", false), world.next("open_mute", true)}},
              {.concurrency = 10, .connect_timeout = kSecond, .timeout = 400 * kMillisecond}, {.per_host = 1});
  run->run();
  ASSERT_EQ(run.consumer.kept.size(), 1U);
  EXPECT_EQ(run.consumer.kept.front().outcome, Outcome::kTimeout);
  EXPECT_NEAR(ms(run.consumer.kept.front(), Phase::kDone), 400, 2);
  run.expect_all_is_given_back(1);
}

TEST(RaceSim, the_most_telling_failure_is_told) {
  World world;
  for (const bool refused_first : {true, false}) {
    Addresses addresses = {world.next("refused", true), world.next("silent", false), world.next("unreachable", true)};
    const IpAddress refused = addresses[0];
    if (!refused_first) std::swap(addresses[0], addresses[1]);
    RaceRun run(world, {addresses}, {.concurrency = 10, .connect_timeout = kSecond}, {.per_host = 1});
    run->run();
    ASSERT_EQ(run.consumer.kept.size(), 1U);
    EXPECT_EQ(run.consumer.kept.front().outcome, Outcome::kRefused);
    EXPECT_EQ(run.consumer.kept.front().error, "connection refused");
    EXPECT_EQ(run.consumer.kept.front().endpoint.address, refused);
    run.expect_all_is_given_back(1);
  }
}

TEST(RaceSim, an_excluded_address_is_never_touched) {
  World world;
  const IpAddress excluded = world.next("open_mute", true), open = world.next("open_mute", false);
  const Addresses both = {excluded, open}, only = {excluded, world.next("silent", false)};
  std::set<IpAddress> gone = {excluded, only[1]};
  RaceRun run(world, {both, only},
              {.concurrency = 10, .is_excluded = [&](const IpAddress& address) { return gone.contains(address); }});
  run->run();
  ASSERT_EQ(run.consumer.kept.size(), 2U);
  for (const Kept& record : run.consumer.kept) {
    if (record.host == "host0") {
      EXPECT_EQ(record.endpoint.address, open);
      EXPECT_EQ(record.outcome, Outcome::kSuccess);
    } else {
      EXPECT_EQ(record.outcome, Outcome::kBlocked);
    }
  }
  EXPECT_EQ(run->shard->stats().attempts.value(), 1U);
}

TEST(RaceSim, a_retry_races_again_from_the_first) {
  World world;
  RaceRun run(world, {{world.next("silent", true), world.next("silent", false)}},
              {.concurrency = 10, .connect_timeout = kSecond, .retries = 2}, {.per_host = 1});
  run->run();
  ASSERT_EQ(run.consumer.kept.size(), 1U);
  EXPECT_EQ(run.consumer.kept.front().attempts, 3U);
  EXPECT_EQ(run->shard->stats().attempts.value(), 6U);
  EXPECT_EQ(run->shard->stats().retries.value(), 2U);
  run.expect_all_is_given_back(1);
}

TEST(RaceSim, the_winner_has_the_whole_read_budget) {
  World world;
  // An open role says nothing: the banner probe waits out its read timeout.
  RaceRun run(world, {{world.next("silent", true), world.next("open_mute", false)}},
              {.concurrency = 10, .read_timeout = kSecond}, {}, "banner");
  run->run();
  const Kept& record = run.consumer.kept.front();
  EXPECT_EQ(record.outcome, Outcome::kTimeout);
  EXPECT_NEAR(ms(record, Phase::kDone), 1 + 250 + 10 + 1000, 2);
}

TEST(RaceSim, without_room_the_next_waits_for_its_turn) {
  World world;
  RaceRun run(world, {{world.next("silent", true), world.next("open_mute", false)}},
              {.concurrency = 1, .connect_timeout = kSecond}, {.per_host = 1});
  run->run();
  const Kept& record = run.consumer.kept.front();
  EXPECT_EQ(record.outcome, Outcome::kSuccess);
  EXPECT_NEAR(ms(record, Phase::kDone), 1 + 1000 + 10, 2);
  run.expect_all_is_given_back(1);
}

TEST(RaceSim, off_it_takes_the_first_address_alone) {
  World world;
  RaceRun run(world, {{world.next("refused", true), world.next("open_mute", false)}}, {.concurrency = 10});
  engine::ShardOptions options{.concurrency = 10, .happy_eyeballs = false};
  HostSource source(1);
  KeepAll consumer;
  SimRun plain(world.population(), {}, options, {"tcp"}, source, consumer, {},
               [&](const io::Backend& clock) { return std::make_unique<TableResolver>(run.table, clock); });
  plain.run();
  EXPECT_EQ(consumer.kept.front().outcome, Outcome::kRefused);
}

TEST(RaceSim, a_cut_while_they_race_reconciles) {
  for (const bool records : {false, true}) {
    World world;
    RaceRun run(world, {{world.next("silent", true), world.next("silent", false), world.next("open_mute", true)}},
                {.concurrency = 10, .cut_records = records}, {.per_host = 1});
    while (run->shard->stats().attempts.value() < 2) run->shard->turn(run->backend.now() + kMillisecond);
    EXPECT_EQ(run->shard->pending(), (std::vector<std::uint64_t>{0, 0})) << "both that try are of one position";
    run->shard->cut();
    ASSERT_EQ(run.consumer.kept.size(), records ? 1U : 0U);
    EXPECT_EQ(run->shard->stats().abandoned.value(), records ? 0U : 1U);
    EXPECT_EQ(run->shard->pending(), (std::vector<std::uint64_t>{0}));
    EXPECT_FALSE(run->shard->turn(run->backend.now() + kMillisecond));
    run.expect_all_is_given_back(1);
  }
}

// Everything at once: names with random addresses, few slots, limits, a rate, faults of this machine, a cut somewhere.
TEST(RaceSim, whatever_happens_all_reconciles) {
  constexpr const char* kRoles[] = {"open_mute", "refused", "silent", "unreachable"};
  std::mt19937 random(5);
  const auto roll = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 60; ++round) {
    World world;
    std::vector<Addresses> table(1 + roll(60));
    std::vector<bool> reachable;
    for (Addresses& addresses : table) {
      bool open = false;
      for (unsigned i = 1 + roll(5); i > 0; --i) {
        const char* role = kRoles[roll(4)];
        open = open || role == kRoles[0];
        addresses.push_back(world.next(role, roll(2) == 0));
      }
      reachable.push_back(open);
    }
    const std::size_t names = table.size();
    const bool faults = roll(3) == 0, cut = roll(3) == 0;
    const std::uint32_t per_host = roll(3);
    RaceRun run(world, std::move(table),
                {.concurrency = 1 + roll(40), .connect_timeout = 700 * kMillisecond, .retries = roll(2)},
                {.rate = roll(2) == 0 ? 0.0 : 300.0, .per_host = per_host, .per_prefix = roll(2) == 0 ? 0U : 2U},
                roll(2) == 0 ? "tcp" : "banner",
                {.seed = static_cast<std::uint64_t>(round) + 1,
                 .descriptors = faults ? 3U : 0xffffffffU,
                 .no_memory = faults ? 0.05 : 0});
    if (cut) {
      for (unsigned turns = roll(300); turns > 0 && run->shard->turn(run->backend.now() + kSecond);) --turns;
      run->shard->cut();
      EXPECT_FALSE(run->shard->turn(run->backend.now()));
    } else {
      run->run();
      EXPECT_EQ(run.consumer.kept.size(), names);
    }
    std::set<std::string> hosts;
    for (const Kept& record : run.consumer.kept) {
      EXPECT_TRUE(hosts.insert(record.host).second) << record.host << " has two records";
      const auto number = std::stoul(record.host.substr(4));
      if (record.probe == "tcp" && !faults) {
        EXPECT_EQ(record.outcome == Outcome::kSuccess, reachable[number]) << record.host;
      }
    }
    run.expect_all_is_given_back(per_host);
  }
}

}  // namespace
}  // namespace sonde::testing_sim
