#include "engine/cause.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::engine {
namespace {

using results::Cause;
using results::Phase;

constexpr io::TcpInfo kAllAcked{.rtt_us = 100, .peer_window = 65536, .has_peer_window = true};

Cause after_request(const io::TcpInfo& info) { return cause_of(Phase::kFirstByte, false, true, info); }

TEST(Cause, a_name_that_was_not_resolved_has_none) {
  EXPECT_EQ(cause_of(Phase::kDns, false, false, std::nullopt), Cause::kNone);
}

TEST(Cause, without_a_handshake_the_syn_was_not_answered_whatever_the_kernel_says) {
  EXPECT_EQ(cause_of(Phase::kConnect, false, false, std::nullopt), Cause::kSynUnanswered);
  EXPECT_EQ(cause_of(Phase::kConnect, false, false, io::TcpInfo{.retransmits = 2, .unacked = 1}),
            Cause::kSynUnanswered);
}

TEST(Cause, a_reply_that_had_begun_is_partial_even_when_something_is_on_the_way) {
  EXPECT_EQ(cause_of(Phase::kRead, true, true, std::nullopt), Cause::kPartialReply);
  io::TcpInfo info = kAllAcked;
  info.unacked = 3;
  EXPECT_EQ(cause_of(Phase::kRead, true, true, info), Cause::kPartialReply);
}

TEST(Cause, a_request_on_the_way_or_kept_back_is_unacked) {
  for (const Phase phase : {Phase::kWrite, Phase::kFirstByte, Phase::kTls}) {
    io::TcpInfo info = kAllAcked;
    info.unacked = 1;
    EXPECT_EQ(cause_of(phase, false, true, info), Cause::kRequestUnacked);
    info = kAllAcked;
    info.not_sent = 18;
    EXPECT_EQ(cause_of(phase, false, true, info), Cause::kRequestUnacked);
  }
}

TEST(Cause, a_closed_window_is_told_apart_where_the_kernel_tells_the_window) {
  EXPECT_EQ(after_request({.not_sent = 18, .peer_window = 0, .has_peer_window = true}), Cause::kZeroWindow);
  EXPECT_EQ(after_request({.not_sent = 18, .peer_window = 0, .has_peer_window = false}), Cause::kRequestUnacked);
  EXPECT_EQ(after_request({.not_sent = 18, .peer_window = 1, .has_peer_window = true}), Cause::kRequestUnacked);
}

TEST(Cause, a_closed_window_is_no_cause_when_everything_arrived) {
  EXPECT_EQ(after_request({.peer_window = 0, .has_peer_window = true}), Cause::kAckedNoReply);
}

TEST(Cause, a_connection_that_the_kernel_gave_up_had_its_request_unacked) {
  io::TcpInfo info = kAllAcked;
  info.closed = true;
  EXPECT_EQ(after_request(info), Cause::kRequestUnacked);
  info.peer_window = 0;
  EXPECT_EQ(after_request(info), Cause::kRequestUnacked);
}

TEST(Cause, silence_after_an_acked_request_or_after_none_is_the_peers) {
  EXPECT_EQ(after_request(kAllAcked), Cause::kAckedNoReply);
  EXPECT_EQ(cause_of(Phase::kFirstByte, false, false, kAllAcked), Cause::kAckedNoReply);
}

TEST(Cause, what_only_the_kernel_knows_is_none_when_it_was_not_asked) {
  EXPECT_EQ(cause_of(Phase::kFirstByte, false, true, std::nullopt), Cause::kNone);
  EXPECT_EQ(cause_of(Phase::kFirstByte, false, false, std::nullopt), Cause::kAckedNoReply) << "nothing was sent";
}

TEST(Cause, every_cause_has_a_name_and_a_text) {
  for (std::size_t i = 1; i < results::kCauseNames.size(); ++i) {
    EXPECT_FALSE(results::kCauseNames[i].empty());
    EXPECT_NE(std::string(describe(static_cast<Cause>(i))), "");
  }
  EXPECT_EQ(std::string(describe(Cause::kNone)), "");
}

}  // namespace
}  // namespace sonde::engine
