// Targets that are names, in virtual time: the shard, the caching resolver and fake name servers together.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "engine/caching_resolver.h"
#include "engine/fake_dns.h"
#include "harness.h"

namespace sonde::testing_sim {
namespace {

using engine::CachingOptions;
using engine::CachingResolver;
using engine::FakeDns;
using population::Population;
using results::Outcome;
using results::Phase;

constexpr Nanos kDnsTimeout = 900 * kMillisecond;

Population only(const char* mix) { return {*population::parse_mix(mix), 1}; }

// host<i>.example, each with every port.
class NameSource : public targets::TargetSource {
 public:
  NameSource(std::uint64_t names, std::vector<std::uint16_t> ports) : names_(names), ports_(std::move(ports)) {}
  std::size_t take(std::span<targets::Target> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !exhausted(); ++count, ++next_)
      out[count] = targets::Target{.position = next_,
                                   .endpoint = {.address = {}, .port = ports_[next_ % ports_.size()]},
                                   .host = "host" + std::to_string(next_ / ports_.size()) + ".example",
                                   .blocked = false};
    return count;
  }
  bool exhausted() const override { return next_ == names_ * ports_.size(); }
  std::optional<std::uint64_t> total() const override { return names_ * ports_.size(); }
  std::uint64_t cursor() const override { return next_; }

 private:
  std::uint64_t names_;
  std::vector<std::uint16_t> ports_;
  std::uint64_t next_ = 0;
};

// By its number: every tenth does not exist, every seventh of the rest gets no answer.
enum class Fate : std::uint8_t { kAddress, kGone, kSilent };
Fate fate_of(std::string_view host) {
  const unsigned number = static_cast<unsigned>(std::stoul(std::string(host.substr(4))));
  return number % 10 == 0 ? Fate::kGone : number % 7 == 0 ? Fate::kSilent : Fate::kAddress;
}

std::optional<wire::DnsBytes> by_number(const FakeDns::Asked& asked) {
  switch (fate_of(asked.name)) {
    case Fate::kGone:
      return said(asked, 3).soa("example", 60, 60).bytes();
    case Fate::kSilent:
      return std::nullopt;
    case Fate::kAddress:
      break;
  }
  const auto number = static_cast<std::uint32_t>(std::stoul(asked.name.substr(4)));
  return said(asked).address(asked.name, 60, 0x7f5b0000 + number).bytes();
}

struct Names {
  explicit Names(CachingOptions with, std::uint32_t servers = 2) {
    with.timeout = kDnsTimeout;
    make = [this, with, servers](const io::Backend& clock) {
      auto transport = std::make_unique<FakeDns>(clock, kDnsTimeout, servers, by_number);
      dns = transport.get();
      return std::make_unique<CachingResolver>(with, engine::HostTable(), std::move(transport), clock);
    };
  }
  ResolverMaker make;
  FakeDns* dns = nullptr;  // of the run that was made
};

TEST(NamesSim, every_name_ends_as_its_server_says) {
  const Population population = only("open");
  NameSource source(2000, {80});
  KeepAll consumer;
  Names names({.per_server = 16});
  SimRun run(population, {}, {.concurrency = 500, .dns_timeout = kDnsTimeout}, {"tcp"}, source, consumer, {},
             names.make);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 2000U);
  std::set<std::string> hosts;
  for (const Kept& record : consumer.kept) {
    hosts.insert(record.host);
    const Fate fate = fate_of(record.host);
    ASSERT_EQ(record.outcome, fate == Fate::kAddress ? Outcome::kSuccess
                              : fate == Fate::kGone  ? Outcome::kDnsError
                                                     : Outcome::kTimeout)
        << record.host;
    ASSERT_EQ(record.phase, fate == Fate::kAddress ? Phase::kDone : Phase::kDns);
    if (fate != Fate::kSilent) continue;
    const std::int32_t total = record.timing_us[static_cast<std::size_t>(Phase::kDone)];
    ASSERT_GE(total, kDnsTimeout / kMicrosecond);
    ASSERT_LE(total, kDnsTimeout / kMicrosecond + 2000);
  }
  EXPECT_EQ(hosts.size(), 2000U);
  EXPECT_LE(names.dns->outstanding_peak, 32U);
}

TEST(NamesSim, a_silent_name_is_tried_again_as_often_as_retries_say) {
  const Population population = only("open");
  NameSource source(50, {80});
  KeepAll consumer;
  Names names({});
  SimRun run(population, {}, {.concurrency = 100, .dns_timeout = kDnsTimeout, .retries = 2}, {"tcp"}, source, consumer,
             {}, names.make);
  run.run();
  std::size_t silent = 0;
  for (const Kept& record : consumer.kept) {
    const bool expected = fate_of(record.host) == Fate::kSilent;
    silent += expected ? 1U : 0U;
    EXPECT_EQ(record.attempts, expected ? 3U : 1U) << record.host;
    EXPECT_EQ(record.outcome == Outcome::kTimeout, expected);
  }
  std::size_t asked = 0;
  for (const FakeDns::Asked& question : names.dns->asked) asked += fate_of(question.name) == Fate::kSilent ? 1U : 0U;
  EXPECT_EQ(asked, silent * 3 * 2) << "each attempt is a look-up of its own, with one question more after a third";
}

TEST(NamesSim, the_ports_of_a_name_share_one_question) {
  const Population population = only("open");
  NameSource source(100, {80, 81, 82, 83, 443});
  KeepAll consumer;
  Names names({});
  SimRun run(population, {}, {.concurrency = 64, .dns_timeout = kDnsTimeout}, {"tcp"}, source, consumer, {},
             names.make);
  run.run();
  ASSERT_EQ(consumer.kept.size(), 500U);
  std::map<std::string, int> asked;
  for (const FakeDns::Asked& question : names.dns->asked) ++asked[question.name];
  for (const auto& [name, times] : asked) EXPECT_TRUE(times == 1 || fate_of(name) == Fate::kSilent) << name;
}

TEST(NamesSim, a_cut_leaves_no_name_behind) {
  const Population population = only("open");
  NameSource source(1000, {80});
  KeepAll consumer;
  Names names({});
  SimRun run(population, {}, {.concurrency = 200, .dns_timeout = kDnsTimeout, .cut_records = true}, {"tcp"}, source,
             consumer, {}, names.make);
  for (int i = 0; i < 5; ++i) run.shard->turn(run.backend.now() + kMillisecond);
  run.shard->cut();
  const engine::ShardStats& stats = run.shard->stats();
  EXPECT_GT(run.outcome(Outcome::kCancelled), 0U);
  EXPECT_EQ(stats.started.value(), stats.finished.value() + stats.abandoned.value());
}

}  // namespace
}  // namespace sonde::testing_sim
