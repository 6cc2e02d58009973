#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "probes/check/run_drive.h"
#include "wire/icmp.h"

namespace sonde::probes {
namespace {

using results::Outcome;
using Bytes = RunDrive::Bytes;

std::shared_ptr<const Prober> prober(const IcmpCheck& check = {}) {
  ModuleOptions options;
  options.kind = ProberKind::kIcmp;
  options.icmp = check;
  return *make_icmp_prober(std::move(options));
}

// What a host makes of an echo request.
Bytes reply_to(Bytes message, bool v4 = true) {
  message[0] = static_cast<std::byte>(v4 ? 0 : 129);
  message[2] = message[3] = std::byte{0};
  if (!v4) return message;
  const std::uint16_t sum = wire::internet_checksum(message);
  message[2] = static_cast<std::byte>(sum >> 8);
  message[3] = static_cast<std::byte>(sum & 0xff);
  return message;
}

std::string payload_of(const Bytes& message) {
  return {reinterpret_cast<const char*>(message.data()) + 8, message.size() - 8};
}

TEST(IcmpProber, a_reply_is_success_with_its_time_and_hop_limit) {
  RunDrive drive(prober(), "127.0.0.1");
  ASSERT_TRUE(drive.planned);
  EXPECT_EQ(drive.run.plan.terms.transport, Transport::kPing);
  drive.start();
  ASSERT_EQ(drive.sent.size(), 1U);
  EXPECT_EQ(drive.sent[0][0], std::byte{8});
  EXPECT_EQ(payload_of(drive.sent[0]), "Prometheus Blackbox Exporter");
  drive.context.now += 2500 * kMicrosecond;
  drive.context.hop_limit = 57;
  drive.run.ending.timing_us[static_cast<std::size_t>(results::Phase::kDns)] = 3000;
  drive.run.ending.timing_us[static_cast<std::size_t>(results::Phase::kConnect)] = 40;
  drive.bytes(reply_to(drive.sent[0]));
  ASSERT_TRUE(drive.done());
  EXPECT_TRUE(drive.run.success);
  EXPECT_EQ(drive.samples(),
            "# HELP probe_icmp_duration_seconds Duration of icmp request by phase\n"
            "# TYPE probe_icmp_duration_seconds gauge\n"
            "probe_icmp_duration_seconds{phase=\"resolve\"} 0.003\n"
            "probe_icmp_duration_seconds{phase=\"rtt\"} 0.0025\n"
            "probe_icmp_duration_seconds{phase=\"setup\"} 4e-05\n"
            "# HELP probe_icmp_reply_hop_limit Replied packet hop limit (TTL for ipv4)\n"
            "# TYPE probe_icmp_reply_hop_limit gauge\nprobe_icmp_reply_hop_limit 57\n");
  EXPECT_TRUE(drive.logged("msg=\"Resolved target address\" target=127.0.0.1 ip=127.0.0.1"));
  EXPECT_TRUE(drive.logged("msg=\"Found matching reply packet\""));
}

TEST(IcmpProber, ipv6_has_requests_of_its_own) {
  RunDrive drive(prober(), "::1");
  drive.start();
  EXPECT_EQ(drive.sent.at(0)[0], std::byte{128});
  drive.bytes(reply_to(drive.sent[0], false));
  EXPECT_TRUE(drive.run.success);
}

// A ping socket's kernel sets the identifier.
TEST(IcmpProber, a_reply_with_another_identifier_is_one) {
  RunDrive drive(prober(), "127.0.0.1");
  drive.start();
  Bytes message = drive.sent[0];
  message[4] ^= std::byte{0xff};
  drive.bytes(reply_to(message));
  EXPECT_TRUE(drive.run.success);
}

TEST(IcmpProber, what_is_no_reply_to_it_is_waited_past) {
  RunDrive drive(prober(), "127.0.0.1");
  drive.start();
  const Bytes request = drive.sent[0];
  drive.bytes({});
  drive.bytes(request);
  for (const std::size_t at : {std::size_t{1}, std::size_t{6}, std::size_t{7}, request.size() - 1}) {
    Bytes other = request;
    other[at] ^= std::byte{1};
    drive.bytes(reply_to(other));
  }
  drive.bytes(reply_to(Bytes(request.begin(), request.end() - 1)));
  Bytes wrong_sum = reply_to(request);
  wrong_sum[2] ^= std::byte{1};
  drive.bytes(wrong_sum);
  EXPECT_FALSE(drive.done());
  drive.bytes(reply_to(request));
  EXPECT_TRUE(drive.run.success);
}

TEST(IcmpProber, requests_of_a_shard_differ) {
  const auto one = prober();
  const auto tools = one->make_tools();
  std::vector<Bytes> sent;
  for (int i = 0; i < 2; ++i) {
    CheckRun run;
    run.prober = one;
    run.target = "127.0.0.1";
    ASSERT_TRUE(one->plan(run));
    memory::RingPool pool;
    engine::ProbeContext context{.now = 1, .endpoint = run.plan.endpoint, .host = {}, .pool = pool};
    context.state = tools.get();
    const auto probe = one->begin(run, tools.get());
    const engine::Step step = probe->start(context);
    sent.emplace_back(step.bytes.begin(), step.bytes.end());
  }
  EXPECT_NE(sent[0], sent[1]);
}

TEST(IcmpProber, a_payload_has_its_size) {
  for (const std::uint32_t size : {5U, 28U, 100U}) {
    RunDrive drive(prober({.payload_size = size}), "127.0.0.1");
    drive.start();
    std::string expected = "Prometheus Blackbox Exporter";
    expected.resize(size, '\0');
    EXPECT_EQ(payload_of(drive.sent.at(0)), expected);
    drive.bytes(reply_to(drive.sent[0]));
    EXPECT_TRUE(drive.run.success);
  }
}

// What is read of a datagram is bounded: the rest of the reply never comes here.
TEST(IcmpProber, of_a_long_reply_the_front_is_enough) {
  for (const bool v4 : {true, false}) {
    RunDrive drive(prober({.payload_size = 60'000}), v4 ? "127.0.0.1" : "::1");
    drive.start();
    Bytes reply = reply_to(drive.sent[0], v4);
    reply.resize(4076);
    Bytes other = reply;
    other[4000] ^= std::byte{1};
    drive.bytes(other);
    drive.bytes(std::span(reply).first(3999));
    EXPECT_FALSE(drive.done());
    drive.bytes(reply);
    EXPECT_TRUE(drive.run.success);
  }
}

TEST(IcmpProber, a_payload_beyond_a_datagram_is_a_fault_of_the_module) {
  RunDrive drive(prober({.payload_size = 65'508}), "127.0.0.1");
  drive.start();
  EXPECT_EQ(drive.run.ending.outcome, Outcome::kProtocolError);
  EXPECT_EQ(drive.run.ending.cause, "configuration");
  EXPECT_EQ(drive.run.ending.error, "message too long");
}

TEST(IcmpProber, its_keys_become_terms) {
  RunDrive drive(prober({.source_ip_address = "127.0.0.9", .dont_fragment = true, .ttl = 5}), "host.example");
  EXPECT_EQ(drive.run.plan.host, "host.example");
  EXPECT_EQ(drive.run.plan.terms.source, IpAddress::v4(0x7f000009));
  EXPECT_TRUE(drive.run.plan.terms.dont_fragment);
  EXPECT_EQ(drive.run.plan.terms.hop_limit, 5);
  EXPECT_EQ(drive.run.plan.terms.timeout, 3 * kSecond);
  drive.start();
  EXPECT_EQ(drive.sent.size(), 1U);
}

TEST(IcmpProber, a_source_that_is_none_or_of_the_other_family_fails_before_it_sends) {
  for (const char* source : {"300.1.1.1", "::1"}) {
    RunDrive drive(prober({.source_ip_address = source}), "127.0.0.1");
    drive.start();
    ASSERT_TRUE(drive.done()) << source;
    EXPECT_TRUE(drive.sent.empty());
    EXPECT_FALSE(drive.run.success);
    EXPECT_EQ(drive.run.ending.cause, "configuration");
  }
}

TEST(IcmpProber, no_answer_is_a_timeout) {
  RunDrive drive(prober(), "127.0.0.1");
  drive.start();
  drive.deadline();
  EXPECT_EQ(drive.run.ending.outcome, Outcome::kTimeout);
  EXPECT_FALSE(drive.run.success);
  EXPECT_EQ(drive.sample("probe_icmp_duration_seconds{phase=\"rtt\"}"), "0");
  EXPECT_EQ(drive.sample("probe_icmp_reply_hop_limit"), "");
}

TEST(IcmpProber, an_icmp_error_ends_it) {
  RunDrive drive(prober(), "127.0.0.1");
  drive.start();
  const IcmpError error{.from = IpAddress::v4(0x7f000001), .type = 3, .code = 1};
  drive.fail(Outcome::kUnreachable, &error);
  EXPECT_EQ(drive.run.ending.outcome, Outcome::kUnreachable);
  EXPECT_EQ(drive.run.ending.error, "host unreachable");
}

TEST(IcmpProber, an_unknown_hop_limit_is_no_sample) {
  RunDrive drive(prober(), "127.0.0.1");
  drive.start();
  drive.bytes(reply_to(drive.sent[0]));
  EXPECT_TRUE(drive.run.success);
  EXPECT_EQ(drive.sample("probe_icmp_reply_hop_limit"), "");
}

TEST(IcmpProber, a_run_that_never_begins_has_its_samples_too) {
  RunDrive drive(prober(), "nowhere.example");
  drive.never_begins(Outcome::kDnsError, "no such host");
  EXPECT_FALSE(drive.run.success);
  for (const char* phase : {"resolve", "rtt", "setup"})
    EXPECT_EQ(drive.sample("probe_icmp_duration_seconds{phase=\"" + std::string(phase) + "\"}"), "0");
  EXPECT_TRUE(drive.logged("msg=\"Error resolving address\" err=\"no such host\""));

  RunDrive unwanted(prober({.ip = {.prefers_v6 = true, .fallback = false}}), "127.0.0.1");
  EXPECT_FALSE(unwanted.planned);
  EXPECT_FALSE(unwanted.run.success);
  EXPECT_TRUE(unwanted.logged("no suitable address found"));
}

}  // namespace
}  // namespace sonde::probes
