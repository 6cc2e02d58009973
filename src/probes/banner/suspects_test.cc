#include "probes/banner/suspects.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"

namespace sonde::probes {
namespace {

constexpr IpAddress kHost = IpAddress::v4(0x7f000001);

Endpoint at(std::uint16_t port, IpAddress address = kHost) { return {.address = address, .port = port}; }

TEST(Suspects, eight_silent_ports_of_one_address_are_suspect) {
  Suspects suspects;
  for (std::uint16_t port = 1; port < 8; ++port) EXPECT_EQ(suspects.silent(at(port)), Suspicion::kNone) << port;
  EXPECT_EQ(suspects.silent(at(7)), Suspicion::kNone) << "a port that is tried again is the same port";
  EXPECT_EQ(suspects.silent(at(8, IpAddress::v4(2))), Suspicion::kNone) << "another address";
  EXPECT_EQ(suspects.silent(at(8)), Suspicion::kSilent);
  EXPECT_EQ(suspects.answered(at(9), 1), Suspicion::kSilent) << "from then on every record tells";
}

TEST(Suspects, eight_ports_with_the_same_answer_are_suspect_whatever_comes_between) {
  Suspects suspects;
  for (std::uint16_t port = 1; port < 8; ++port) {
    EXPECT_EQ(suspects.answered(at(port), 42), Suspicion::kNone);
    EXPECT_EQ(suspects.answered(at(100 + port), 1000 + port), Suspicion::kNone) << "one of its own";
  }
  EXPECT_EQ(suspects.answered(at(8), 42), Suspicion::kSameAnswer);
}

TEST(Suspects, different_answers_are_no_suspicion) {
  Suspects suspects;
  for (std::uint16_t port = 1; port < 1000; ++port)
    ASSERT_EQ(suspects.answered(at(port), port), Suspicion::kNone) << port;
}

TEST(Suspects, the_address_seen_longest_ago_is_forgotten_first) {
  Suspects suspects(16);  // one address a stripe
  for (std::uint16_t port = 1; port < 8; ++port) suspects.silent(at(port));
  // Some other address falls into the same stripe.
  for (std::uint32_t host = 1; host <= 1000; ++host) suspects.silent(at(1, IpAddress::v4(host)));
  EXPECT_EQ(suspects.silent(at(8)), Suspicion::kNone);
}

TEST(Suspects, an_address_that_is_seen_again_and_again_is_kept) {
  Suspects suspects(64);  // four a stripe
  for (std::uint16_t port = 1; port <= 7; ++port) {
    suspects.silent(at(port));
    for (std::uint32_t other = 0; other < 3; ++other) suspects.silent(at(1, IpAddress::v4(1000U * port + other)));
  }
  EXPECT_EQ(suspects.silent(at(8)), Suspicion::kSilent);
}

TEST(Suspects, is_shared_by_threads) {
  Suspects suspects(65'536);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (unsigned thread = 0; thread < 4; ++thread)
    threads.emplace_back([&suspects, thread] {
      for (std::uint32_t i = 0; i < 20'000; ++i) suspects.answered(at(80, IpAddress::v4(i % 1000)), thread);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(suspects.answered(at(80, IpAddress::v4(999)), 0), Suspicion::kSameAnswer);
}

TEST(Suspects, records_of_a_tarpit_tell_from_the_eighth_port_on) {
  const auto module = make_banner_module();
  for (std::uint16_t port = 1; port <= 10; ++port) {
    const Timed mute = TimedRun(*module, 4000 + port, IpAddress::v4(5)).run({Conversation()});
    EXPECT_EQ(mute.heard.suspect, port < 8 ? "" : "silent") << port;
    const Conversation same{.pieces = {{"220 ESMTP\r\n"}}, .end = End::kSilence};
    EXPECT_EQ(TimedRun(*module, 4000 + port, IpAddress::v4(6)).run({same}).heard.suspect, port < 8 ? "" : "same_answer")
        << port;
  }
}

TEST(Suspects, who_was_only_listened_to_is_not_suspected_of_silence) {
  const auto module = make_banner_module();
  ASSERT_TRUE(module->configure("hello", "none"));
  for (std::uint16_t port = 1; port <= 10; ++port)
    EXPECT_EQ(TimedRun(*module, port, IpAddress::v4(5)).run({Conversation()}).heard.suspect, "");
}

}  // namespace
}  // namespace sonde::probes
