// Peers that never come to an end.
#include <gtest/gtest.h>

#include "tls/session_pair.h"

namespace sonde::tls {
namespace {

using State = ClientSession::State;
using Failure = ClientSession::Failure;

// Feeds `record` until the session fails; the number of times that took.
int feed_until_failed(ClientSession& session, const std::string& record, int most) {
  for (int times = 1; times <= most; ++times) {
    feed(session, record);
    if (session.state() == State::kFailed) return times;
    take_outgoing(session);
  }
  return most + 1;
}

TEST(Floods, of_empty_records_end) {
  Pair pair({.max_version = 0x0303});
  take_outgoing(pair.session);
  EXPECT_LE(feed_until_failed(pair.session, std::string("\x16\x03\x03\x00\x00", 5), 100), 100);
  EXPECT_EQ(pair.session.failure(), Failure::kTls);
}

TEST(Floods, of_warning_alerts_end) {
  Pair pair({.max_version = 0x0303});
  take_outgoing(pair.session);
  EXPECT_LE(feed_until_failed(pair.session, std::string("\x15\x03\x03\x00\x02\x01\x70", 7), 100), 100);
  EXPECT_EQ(pair.session.failure(), Failure::kTls);
}

TEST(Floods, of_tiny_handshake_records_end) {
  // A message of 100,000 bytes, one byte a record.
  Pair pair;
  take_outgoing(pair.session);
  feed(pair.session, std::string("\x16\x03\x03\x00\x04\x02\x00\xf0\x00", 9));
  ASSERT_EQ(pair.session.state(), State::kHandshaking) << pair.session.error();
  const int times = feed_until_failed(pair.session, std::string("\x16\x03\x03\x00\x01\x00", 6), 10'000);
  EXPECT_GT(times, 3000);
  EXPECT_LE(times, 10'000);
  EXPECT_EQ(pair.session.error(), "the server sends records without progress");
}

TEST(Floods, of_data_that_nobody_reads_end) {
  Pair pair;
  join(pair.session, pair.peer);
  std::string record;
  for (std::size_t sent = 0; sent <= ClientSession::kReceivedMax; sent += 1000) {
    EXPECT_EQ(pair.session.state(), State::kOpen);
    EXPECT_LE(pair.session.received().size(), ClientSession::kReceivedMax);
    pair.peer.write(std::string(1000, 'x'));
    feed(pair.session, pair.peer.output());
  }
  EXPECT_EQ(pair.session.state(), State::kFailed);
  EXPECT_EQ(pair.session.error(), "the server sent more data than is kept unread");
  EXPECT_LE(pair.session.received().size(), ClientSession::kReceivedMax);
}

TEST(Floods, data_that_is_read_may_go_on) {
  Pair pair;
  join(pair.session, pair.peer);
  const std::string piece(16'000, 'x');
  for (int i = 0; i < 200; ++i) {
    pair.peer.write(piece);
    feed(pair.session, pair.peer.output());
    ASSERT_EQ(take_received(pair.session), piece) << i;
  }
  EXPECT_EQ(pair.session.state(), State::kOpen);
}

TEST(Floods, of_key_updates_end) {
  Pair pair;
  join(pair.session, pair.peer);
  int times = 0;
  while (pair.session.state() == State::kOpen && times < 1000) {
    SSL_key_update(pair.peer.ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(pair.peer.ssl);
    join(pair.session, pair.peer);
    ++times;
  }
  EXPECT_GT(times, 10);
  EXPECT_LT(times, 200);
  EXPECT_EQ(pair.session.error(), "the server sends records without progress");
}

TEST(Floods, of_requests_to_renegotiate_end) {
  Pair pair({.max_version = 0x0303});
  join(pair.session, pair.peer);
  int times = 0;
  while (pair.session.state() == State::kOpen && times < 1000) {
    SSL_renegotiate(pair.peer.ssl);
    SSL_do_handshake(pair.peer.ssl);
    join(pair.session, pair.peer);
    ++times;
  }
  EXPECT_EQ(pair.session.state(), State::kFailed);
  EXPECT_EQ(pair.session.failure(), Failure::kTls);
}

TEST(Floods, a_message_longer_than_any_certificate_is_refused_at_its_header) {
  Pair pair({.max_version = 0x0303});
  take_outgoing(pair.session);
  feed(pair.session, std::string("\x16\x03\x03\x00\x04\x02\xf0\x00\x00", 9));
  EXPECT_EQ(pair.session.state(), State::kFailed);
}

}  // namespace
}  // namespace sonde::tls
