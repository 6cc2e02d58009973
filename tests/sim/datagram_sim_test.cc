// Probes of datagrams on the simulator: what each role's peers are found to be, and what the engine makes of exchanges,
// budgets and retries where nothing is a stream.
#include <gtest/gtest.h>

#include "harness.h"
#include "population/population.h"
#include "probes/dns/dns_fields.h"
#include "probes/icmp/icmp_fields.h"

namespace sonde::testing_sim {
namespace {

using population::Population;
using population::Role;
using probes::DnsField;
using probes::IcmpField;
using results::Outcome;

population::Mix mix_of(std::initializer_list<std::string_view> prefixes) {
  population::Mix mix;
  for (const Role& role : population::datagram_roles())
    for (const std::string_view prefix : prefixes)
      if (role.name.starts_with(prefix)) mix.weights.emplace_back(&role, 1);
  return mix;
}

std::int64_t number(const Kept& record, IcmpField field) {
  const auto* found = std::get_if<std::int64_t>(&record.values[static_cast<std::size_t>(field)]);
  return found == nullptr ? -1 : *found;
}

class Scan {
 public:
  Scan(population::Mix mix, const std::string& probe, const ModuleOptions& options, std::uint32_t targets,
       engine::ShardOptions shard = {}, std::uint16_t port = 0)
      : population_(std::move(mix), 5), source_(endpoints(targets, {port})) {
    shard.concurrency = 500;
    SimRun run(population_, {.seed = 3, .no_memory = 0.01}, shard, {probe}, source_, kept_, {}, {}, options);
    run.run();
    EXPECT_EQ(run.backend.open(), 0U);
  }
  const std::vector<Kept>& kept() const { return kept_.kept; }
  const Role& role_of(const Kept& record) const { return population_.role_of(record.endpoint); }

 private:
  Population population_;
  ListSource source_;
  KeepAll kept_;
};

TEST(Datagrams, each_role_of_a_pinged_host_is_found_for_what_it_is) {
  const Scan scan(mix_of({"echo", "no_answer", "no_host"}), "icmp", {}, 3000);
  ASSERT_EQ(scan.kept().size(), 3000U);
  std::map<std::string_view, int> seen;
  for (const Kept& record : scan.kept()) {
    const Role& role = scan.role_of(record);
    ++seen[role.name];
    EXPECT_EQ(results::name(record.outcome), role.datagrams.outcome) << role.name << record.error;
    EXPECT_EQ(results::name(record.phase), role.datagrams.phase) << role.name;
    EXPECT_EQ(record.cause, results::Cause::kNone) << "nothing is known of acknowledgements";
    EXPECT_EQ(record.timing_us[static_cast<std::size_t>(results::Phase::kConnect)], results::kNoTiming);
    EXPECT_EQ(number(record, IcmpField::kTtl), record.outcome == Outcome::kSuccess ? 57 : -1);
  }
  EXPECT_EQ(seen.size(), mix_of({"echo", "no_answer", "no_host"}).weights.size()) << "every role was met";
}

std::int64_t number(const Kept& record, DnsField field) {
  const auto* found = std::get_if<std::int64_t>(&record.values[static_cast<std::size_t>(field)]);
  return found == nullptr ? -1 : *found;
}

TEST(Datagrams, each_role_of_a_name_server_is_found_for_what_it_is) {
  const population::Mix mix = mix_of({"dns", "no_"});
  const Scan scan(mix, "dns", {{"dns-query", "a.example"}}, 3000, {}, 53);
  ASSERT_EQ(scan.kept().size(), 3000U);
  std::map<std::string_view, int> seen;
  for (const Kept& record : scan.kept()) {
    const Role& role = scan.role_of(record);
    const std::string_view name = role.name;
    ++seen[name];
    EXPECT_EQ(results::name(record.outcome), role.datagrams.outcome) << name << ": " << record.error;
    EXPECT_EQ(results::name(record.phase), role.datagrams.phase) << name;
    const std::int64_t sent = number(record, DnsField::kSent);
    if (name == "dns" || name == "dns_nxdomain" || name == "dns_forged") {
      EXPECT_EQ(sent, 1) << name;
    } else if (name == "dns_cut" || name == "dns_cut_alone") {
      EXPECT_EQ(sent, 2) << name;
      EXPECT_EQ(record.text(static_cast<std::size_t>(DnsField::kTransport)), name == "dns_cut" ? "tcp" : "udp");
      EXPECT_GT(record.timing_us[static_cast<std::size_t>(results::Phase::kConnect)], 0) << "one task: its sums";
    } else if (name == "dns_third" || name == "no_answer" || name == "dns_garbage") {
      EXPECT_EQ(sent, 3) << name;
    }
    if (name == "dns_third") {
      EXPECT_GE(record.timing_us[static_cast<std::size_t>(results::Phase::kDone)], 3'000'000);
    }
    if (name == "dns_forged") {
      EXPECT_EQ(number(record, DnsField::kIgnored), 1);
    }
    if (name == "dns_formerr") {
      EXPECT_EQ(record.text(static_cast<std::size_t>(DnsField::kRcode)), "FORMERR");
    }
  }
  EXPECT_EQ(seen.size(), mix.weights.size()) << "every role was met";
}

TEST(Datagrams, requests_at_an_interval_each_have_the_whole_read_budget) {
  const Scan scan(mix_of({"echo", "no_answer", "no_host"}), "icmp", {{"count", "4"}, {"interval", "400ms"}}, 2000,
                  {.read_timeout = 500 * kMillisecond});
  for (const Kept& record : scan.kept()) {
    const std::string_view role = scan.role_of(record).name;
    const std::int64_t received = number(record, IcmpField::kReceived);
    EXPECT_EQ(number(record, IcmpField::kSent), 4) << role;
    if (role == "echo" || role == "echo_slow" || role == "echo_twice" || role == "echo_late") {
      EXPECT_EQ(received, 4);
    }
    if (role == "echo_every_second") {
      EXPECT_EQ(received, 2);
      EXPECT_EQ(record.outcome, Outcome::kSuccess);
    }
    if (role == "echo_twice") {
      EXPECT_EQ(number(record, IcmpField::kDuplicates), 3) << "the last is not waited for";
    }
    if (role == "echo_slow") {
      EXPECT_GE(number(record, IcmpField::kRttMin), 300'000);
    }
    if (role == "no_host") {
      EXPECT_EQ(number(record, IcmpField::kErrorCode), 1);
      EXPECT_EQ(record.error, "host unreachable");
    }
    if (role == "no_answer") {  // three intervals, and the budget of the last
      EXPECT_NEAR(record.timing_us[static_cast<std::size_t>(results::Phase::kDone)], 1'700'000, 50'000);
    }
  }
}

TEST(Datagrams, the_whole_timeout_ends_what_the_interval_draws_out) {
  const Scan scan(mix_of({"echo"}), "icmp", {{"count", "100"}, {"interval", "1s"}}, 50,
                  {.timeout = 4500 * kMillisecond});
  for (const Kept& record : scan.kept()) EXPECT_EQ(number(record, IcmpField::kSent), 5);
}

TEST(Datagrams, silence_is_tried_again) {
  const Scan scan(mix_of({"no_answer"}), "icmp", {}, 100, {.retries = 2});
  for (const Kept& record : scan.kept()) EXPECT_EQ(record.attempts, 3U);
  EXPECT_EQ(scan.kept().size(), 100U);
}

}  // namespace
}  // namespace sonde::testing_sim
