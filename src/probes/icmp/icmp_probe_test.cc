#include "probes/icmp/icmp_probe.h"

#include <gtest/gtest.h>

#include "probes/icmp/drive.h"

namespace sonde::probes {
namespace {

using results::Outcome;
using enum IcmpField;

constexpr IpAddress kV4 = IpAddress::v4(1);
constexpr IpAddress kV6 = IpAddress::v6(1);
const IcmpError kFiltered{.from = IpAddress::v4(0x0a000001), .type = 3, .code = 13};

TEST(Icmp, is_declared) {
  const auto module = make_icmp_module();
  EXPECT_EQ(module->name(), "icmp");
  EXPECT_EQ(module->transport(), Transport::kPing);
  EXPECT_FALSE(module->has_ports());
  EXPECT_TRUE(module->reads());
  EXPECT_EQ(module->fields().size(), static_cast<std::size_t>(kCount));
}

TEST(Icmp, one_request_one_answer) {
  for (const bool v4 : {true, false}) {
    IcmpDrive drive(v4 ? kV4 : kV6);
    drive.start();
    ASSERT_EQ(drive.sent.size(), 1U);
    EXPECT_EQ(drive.sent[0].size(), 64U) << "56 bytes of payload, as ping has it";
    EXPECT_EQ(drive.context.wake_at, kNever);
    drive.pass(12'345 * kMicrosecond);
    drive.bytes(reply_to(v4, drive.sent[0]));
    ASSERT_TRUE(drive.done());
    EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
    EXPECT_EQ(drive.number(kSent), 1);
    EXPECT_EQ(drive.number(kReceived), 1);
    EXPECT_EQ(drive.number(kLossPercent), 0);
    EXPECT_EQ(drive.number(kTtl), 57);
    EXPECT_EQ(drive.number(kRttAvg), 12'345);
    EXPECT_EQ(drive.rtts(), "[12345]");
    EXPECT_EQ(drive.number(kErrorType), -1);
  }
}

TEST(Icmp, requests_go_out_at_their_interval_and_answers_may_overtake_each_other) {
  IcmpDrive drive(kV4, {{"count", "3"}, {"interval", "100ms"}, {"size", "16"}});
  drive.start();
  EXPECT_EQ(drive.context.wake_at, drive.context.now + 100 * kMillisecond);
  EXPECT_FALSE(drive.pass(99 * kMillisecond));
  EXPECT_TRUE(drive.pass(kMillisecond));
  EXPECT_TRUE(drive.step.anew) << "another exchange, with the whole read budget";
  EXPECT_TRUE(drive.pass(100 * kMillisecond));
  EXPECT_EQ(drive.context.wake_at, kNever) << "that was the last";
  ASSERT_EQ(drive.sent.size(), 3U);
  EXPECT_EQ(drive.sent[2].size(), 24U);
  drive.pass(kMillisecond);
  drive.bytes(reply_to(true, drive.sent[2]));
  drive.bytes(reply_to(true, drive.sent[0]));
  EXPECT_FALSE(drive.done());
  drive.bytes(reply_to(true, drive.sent[1]));
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.rtts(), "[201000,101000,1000]");
  EXPECT_EQ(drive.number(kRttMin), 1000);
  EXPECT_EQ(drive.number(kRttAvg), 101'000);
  EXPECT_EQ(drive.number(kRttMax), 201'000);
}

TEST(Icmp, what_was_lost_is_told_at_the_deadline) {
  IcmpDrive drive(kV4, {{"count", "3"}, {"interval", "10ms"}});
  drive.start();
  drive.pass(10 * kMillisecond);
  drive.bytes(reply_to(true, drive.sent[1]));
  drive.pass(10 * kMillisecond);
  drive.deadline();
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess) << "one answer is an answer";
  EXPECT_EQ(drive.number(kLossPercent), 67);
  EXPECT_EQ(drive.rtts(), "[null,0,null]");
}

TEST(Icmp, silence_is_a_timeout_that_tells_what_was_sent) {
  IcmpDrive drive(kV4, {{"count", "2"}, {"interval", "1s"}});
  drive.start();
  drive.deadline();
  EXPECT_EQ(drive.step.outcome, Outcome::kTimeout);
  EXPECT_EQ(drive.number(kSent), 1);
  EXPECT_EQ(drive.number(kReceived), 0);
  EXPECT_EQ(drive.number(kLossPercent), 100);
  EXPECT_EQ(drive.number(kTtl), -1);
  EXPECT_EQ(drive.rtts(), "");
}

TEST(Icmp, an_answer_to_an_answered_request_is_a_duplicate) {
  IcmpDrive drive(kV4, {{"count", "2"}, {"interval", "10ms"}});
  drive.start();
  for (int i = 0; i < 3; ++i) drive.bytes(reply_to(true, drive.sent[0]), static_cast<std::uint8_t>(60 + i));
  drive.pass(10 * kMillisecond);
  drive.bytes(reply_to(true, drive.sent[1]));
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.number(kReceived), 2);
  EXPECT_EQ(drive.number(kDuplicates), 2);
  EXPECT_EQ(drive.number(kTtl), 60) << "of the first";
}

TEST(Icmp, what_does_not_bring_back_the_request_is_no_answer) {
  IcmpDrive drive(kV4, {{"count", "2"}});
  IcmpDrive other(kV4, {{"count", "2"}});
  drive.start();
  other.start();
  const EchoBytes good = reply_to(true, drive.sent[0]);
  drive.bytes(drive.sent[0]);                  // the request itself
  drive.bytes(reply_to(true, other.sent[0]));  // another's
  drive.bytes(std::span(good).first(20));      // cut
  drive.bytes({});                             // nothing
  EchoBytes longer = drive.sent[0];
  longer.push_back(std::byte{0});
  drive.bytes(reply_to(true, longer));
  EchoBytes later = drive.sent[0];  // with the sequence number of a request that was not sent yet
  later[7] = std::byte{2};
  drive.bytes(reply_to(true, later));
  EchoBytes earlier = drive.sent[0];  // said to have been sent at another time
  earlier[wire::kIcmpEchoHeader + 8] ^= std::byte{1};
  drive.bytes(reply_to(true, earlier));
  EXPECT_EQ(drive.number(kReceived), 0);
  EchoBytes named = drive.sent[0];  // another identifier: a ping socket's
  named[4] ^= std::byte{0x55};
  drive.bytes(reply_to(true, named));
  EXPECT_EQ(drive.number(kReceived), 1);
}

TEST(Icmp, an_error_instead_of_the_only_answer_is_unreachable) {
  IcmpDrive drive;
  drive.start();
  drive.fail(Outcome::kUnreachable, &kFiltered);
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kUnreachable);
  EXPECT_STREQ(drive.step.error, "filtered by a firewall");
  EXPECT_EQ(drive.number(kErrorType), 3);
  EXPECT_EQ(drive.number(kErrorCode), 13);
  EXPECT_EQ(std::get<std::string>(drive.values()[static_cast<std::size_t>(kErrorFrom)]), "10.0.0.1");
}

TEST(Icmp, an_error_does_not_keep_the_other_requests_back) {
  IcmpDrive drive(kV4, {{"count", "2"}, {"interval", "10ms"}});
  drive.start();
  drive.fail(Outcome::kUnreachable, &kFiltered);
  EXPECT_FALSE(drive.done());
  drive.pass(10 * kMillisecond);
  drive.bytes(reply_to(true, drive.sent[1]));
  ASSERT_TRUE(drive.done()) << "nothing more is to come";
  EXPECT_EQ(drive.step.outcome, Outcome::kSuccess);
  EXPECT_EQ(drive.number(kReceived), 1);
  EXPECT_EQ(drive.number(kErrorType), 3);
}

TEST(Icmp, what_this_machine_cannot_do_ends_it) {
  IcmpDrive drive(kV4, {{"count", "9"}});
  drive.start();
  drive.fail(Outcome::kLocalError);
  ASSERT_TRUE(drive.done());
  EXPECT_EQ(drive.step.outcome, Outcome::kLocalError);
}

TEST(Icmp, options_say_what_would_be_right) {
  const auto module = make_icmp_module();
  const auto error = [&](std::string_view option, std::string_view value) {
    const Parsed<> set = module->configure(option, value);
    return set ? std::string() : set.error().text;
  };
  for (const std::string_view good : {"1ms", "60s", "60000ms", "1"}) EXPECT_EQ(error("interval", good), "");
  for (const std::string_view bad : {"0", "0ms", "61s", "60001ms", "1h", "s", "ms", "-1s", "", "1.5s"})
    EXPECT_EQ(error("interval", bad), "'" + std::string(bad) + "' is not a time from 1ms to 60s, such as 200ms or 1s");
  EXPECT_EQ(error("count", "1000"), "");
  EXPECT_EQ(error("count", "1001"), "'1001' is not a number from 1 to 1000");
  EXPECT_EQ(error("size", "16"), "");
  EXPECT_EQ(error("size", "15"), "'15' is not a number of bytes from 16 to 4000");
}

}  // namespace
}  // namespace sonde::probes
