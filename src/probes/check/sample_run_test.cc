#include <gtest/gtest.h>

#include "metrics/exposition.h"
#include "probes/check/prober.h"

namespace sonde::probes {
namespace {

constexpr metrics::Family kOwn{"probe_own", "of the prober"};

class OneSample final : public Prober {
 public:
  OneSample() : Prober({}) {}
  Parsed<> plan(CheckRun&) const override { return {}; }
  std::unique_ptr<engine::Probe> begin(CheckRun&, engine::ShardState*) const override { return nullptr; }
  void conclude(CheckRun&) const override {}
  void sample(const CheckRun&, metrics::Samples& out) const override { out.add(kOwn, 7); }
};

CheckRun run_of(const IpAddress& address) {
  CheckRun run;
  run.prober = std::make_shared<OneSample>();
  run.ending.timing_us.fill(results::kNoTiming);
  run.ending.address = address;
  run.ending.outcome = results::Outcome::kSuccess;
  run.ending.phase = results::Phase::kDone;
  run.success = true;
  return run;
}

std::string sampled(const CheckRun& run) {
  metrics::Samples samples;
  sample_run(run, 1500 * kMillisecond, samples);
  std::string out;
  write_exposition(samples, out);
  return out;
}

constexpr const char* kAddressHelp =
    "# HELP probe_ip_addr_hash Specifies the hash of IP address. It's useful to detect if the IP address changes.\n";

// The hash is what blackbox_exporter shows for 127.0.0.1.
TEST(SampleRun, tells_success_time_and_address) {
  CheckRun run = run_of(IpAddress::v4(0x7f000001));
  run.ending.timing_us[static_cast<std::size_t>(results::Phase::kDns)] = 2500;
  EXPECT_EQ(sampled(run),
            std::string("# HELP probe_dns_lookup_time_seconds Returns the time taken for probe dns lookup "
                        "in seconds\n# TYPE probe_dns_lookup_time_seconds gauge\n"
                        "probe_dns_lookup_time_seconds 0.0025\n"
                        "# HELP probe_duration_seconds Returns how long the probe took to complete in "
                        "seconds\n# TYPE probe_duration_seconds gauge\nprobe_duration_seconds 1.5\n") +
                kAddressHelp +
                "# TYPE probe_ip_addr_hash gauge\nprobe_ip_addr_hash 3.668918509e+09\n"
                "# HELP probe_ip_protocol Specifies whether probe ip protocol is IP4 or IP6\n"
                "# TYPE probe_ip_protocol gauge\nprobe_ip_protocol 4\n"
                "# HELP probe_own of the prober\n# TYPE probe_own gauge\nprobe_own 7\n"
                "# HELP probe_success Displays whether or not the probe was a success\n"
                "# TYPE probe_success gauge\nprobe_success 1\n");
}

// And for ::1.
TEST(SampleRun, hashes_sixteen_bytes_of_ipv6) {
  const std::string text = sampled(run_of(IpAddress::v6(1)));
  EXPECT_NE(text.find("\nprobe_ip_addr_hash 1.751717746e+09\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nprobe_ip_protocol 6\n"), std::string::npos);
}

TEST(SampleRun, an_address_that_was_not_found_is_zero) {
  const std::string text = sampled(run_of({}));
  EXPECT_NE(text.find("\nprobe_ip_addr_hash 0\n"), std::string::npos);
  EXPECT_NE(text.find("\nprobe_ip_protocol 0\n"), std::string::npos);
  EXPECT_NE(text.find("\nprobe_dns_lookup_time_seconds 0\n"), std::string::npos);
}

TEST(SampleRun, an_address_that_was_not_looked_for_is_not_told) {
  CheckRun run = run_of({});
  run.plan.resolves = false;
  const std::string text = sampled(run);
  EXPECT_EQ(text.find("probe_ip"), std::string::npos);
  EXPECT_EQ(text.find("probe_dns"), std::string::npos);
}

TEST(SampleRun, a_failure_has_its_cause_and_a_success_none) {
  CheckRun run = run_of({});
  EXPECT_EQ(sampled(run).find("probe_cause_info"), std::string::npos);
  run.success = false;
  run.ending.outcome = results::Outcome::kProtocolError;
  run.ending.phase = results::Phase::kRead;
  run.ending.cause = "rcode";
  const std::string text = sampled(run);
  EXPECT_NE(text.find("\nprobe_cause_info{cause=\"rcode\",outcome=\"protocol_error\",phase=\"read\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nprobe_success 0\n"), std::string::npos);
}

}  // namespace
}  // namespace sonde::probes
