#include <gtest/gtest.h>

#include "tls/session_pair.h"

namespace sonde::tls {
namespace {

using State = ClientSession::State;

// A server, and the session that a first connection to it left behind.
struct Known {
  explicit Known(ServerOptions server_options, const ContextOptions& context_options = {})
      : server(std::move(server_options)), context(make_context(context_options)) {
    ClientSession first(*context, {.server_name = "localhost"});
    MemoryConnection peer(server);
    join(first, peer);
    EXPECT_EQ(first.state(), State::kOpen) << first.error();
    EXPECT_FALSE(first.facts().resumed);
    received = first.sessions_received();
    saved = first.take_session();
    EXPECT_FALSE(first.take_session().has_value()) << "it is taken once";
    first.close();
    join(first, peer);
  }
  MemoryServer server;
  std::unique_ptr<ClientContext> context;
  std::optional<SavedSession> saved;
  std::uint32_t received = 0;
};

TEST(Resumption, a_tls13_ticket_is_taken) {
  Known known({.alpn = "h2"}, {.alpn = {"h2"}});
  EXPECT_EQ(known.received, 2U);
  ASSERT_TRUE(known.saved.has_value());
  EXPECT_EQ(known.saved->version(), 0x0304);
  EXPECT_EQ(known.saved->max_early_data(), 0U);
  EXPECT_EQ(known.saved->alpn(), "h2");
  EXPECT_EQ(known.saved->server_name(), "localhost");
  EXPECT_TRUE(known.saved->is_ticket());
  EXPECT_GT(known.saved->lifetime_hint_s(), 0U);

  ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
  MemoryConnection peer(known.server);
  EXPECT_EQ(session.early_data_left(), 0U);
  join(session, peer);
  ASSERT_EQ(session.state(), State::kOpen) << session.error();
  EXPECT_TRUE(session.facts().resumed);
  EXPECT_TRUE(session.facts().chain.empty());
  EXPECT_EQ(session.facts().alpn, "h2");
  EXPECT_EQ(session.facts().early_data, EarlyData::kNotOffered);
  EXPECT_TRUE(session.take_session().has_value());
}

TEST(Resumption, a_tls12_session_is_taken_by_ticket_and_by_id) {
  for (const bool tickets : {true, false}) {
    Known known({.max_version = 0x0303, .tickets = tickets});
    ASSERT_TRUE(known.saved.has_value());
    EXPECT_EQ(known.saved->version(), 0x0303);
    EXPECT_EQ(known.saved->is_ticket(), tickets);
    ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
    MemoryConnection peer(known.server);
    join(session, peer);
    ASSERT_EQ(session.state(), State::kOpen) << session.error();
    EXPECT_TRUE(session.facts().resumed);
    EXPECT_EQ(session.facts().version, 0x0303);
  }
}

TEST(Resumption, a_stranger_s_session_is_not_resumed) {
  Known known({});
  const MemoryServer stranger;
  ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
  MemoryConnection peer(stranger);
  join(session, peer);
  ASSERT_EQ(session.state(), State::kOpen) << session.error();
  EXPECT_FALSE(session.facts().resumed);
  EXPECT_EQ(text_of(session.facts().chain.at(0)), stranger.identity.der());
}

TEST(Resumption, a_session_outlives_its_context_and_connections_dropped_without_farewell) {
  const MemoryServer server({.max_version = 0x0303});
  std::optional<SavedSession> saved;
  {
    const auto context = make_context();
    ClientSession first(*context, {.server_name = "localhost"});
    MemoryConnection peer(server);
    join(first, peer);
    saved = first.take_session();
  }
  ASSERT_TRUE(saved.has_value());
  for (int i = 0; i < 2; ++i) {
    const auto context = make_context();
    ClientSession again(*context, {.server_name = "localhost", .resume = &*saved});
    MemoryConnection peer(server);
    join(again, peer);
    EXPECT_TRUE(again.facts().resumed);
  }
}

TEST(EarlyDataRule, accepted_data_arrives_before_the_handshake_ends) {
  Known known({.alpn = "h2", .max_early_data = 1000}, {.alpn = {"h2"}});
  ASSERT_TRUE(known.saved.has_value());
  EXPECT_EQ(known.saved->max_early_data(), 1000U);
  ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
  EXPECT_EQ(session.early_data_left(), 1000U);
  EXPECT_EQ(session.write_early(bytes_of("first ")), 6U);
  EXPECT_EQ(session.write_early(bytes_of("then")), 4U);
  EXPECT_EQ(session.early_data_left(), 990U);
  MemoryConnection peer(known.server);
  join(session, peer);
  ASSERT_EQ(session.state(), State::kOpen) << session.error();
  EXPECT_EQ(peer.early, "first then");
  EXPECT_EQ(session.facts().early_data, EarlyData::kAccepted);
  EXPECT_TRUE(session.facts().resumed);
  EXPECT_EQ(session.early_data_left(), 0U) << "the handshake is over";
  EXPECT_EQ(session.write_early(bytes_of("late")), 0U);
  EXPECT_EQ(session.write(bytes_of("more")), 4U);
  join(session, peer);
  EXPECT_EQ(peer.received, "more");
}

TEST(EarlyDataRule, no_more_is_taken_than_the_ticket_allows) {
  Known known({.max_early_data = 20'000});
  ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
  EXPECT_EQ(session.write_early(bytes_of(std::string(30'000, 'x'))), 20'000U);
  EXPECT_EQ(session.early_data_left(), 0U);
  MemoryConnection peer(known.server);
  join(session, peer);
  EXPECT_EQ(peer.early.size(), 20'000U);
  EXPECT_EQ(session.facts().early_data, EarlyData::kAccepted);
}

TEST(EarlyDataRule, a_rejection_leaves_an_open_session_to_write_it_again) {
  // Another group than the client's first makes the server send a HelloRetryRequest, which rejects 0-RTT.
  Known known({.groups = "P-256", .max_early_data = 1000});
  ClientSession session(*known.context, {.server_name = "localhost", .resume = &*known.saved});
  EXPECT_EQ(session.write_early(bytes_of("early")), 5U);
  MemoryConnection peer(known.server);
  join(session, peer);
  ASSERT_EQ(session.state(), State::kOpen) << session.error();
  EXPECT_EQ(session.facts().early_data, EarlyData::kRejected);
  EXPECT_TRUE(session.facts().hello_retry);
  EXPECT_EQ(peer.early, "");
  EXPECT_EQ(session.write(bytes_of("early")), 5U);
  join(session, peer);
  EXPECT_EQ(peer.received, "early");
}

TEST(EarlyDataRule, another_name_or_protocol_is_not_offered_any) {
  Known known({.alpn = "h2", .max_early_data = 1000}, {.alpn = {"h2"}});
  ClientSession other_name(*known.context, {.server_name = "elsewhere", .resume = &*known.saved});
  EXPECT_EQ(other_name.write_early(bytes_of("x")), 0U);
  const auto http1 = make_context({.alpn = {"http/1.1"}});
  ClientSession other_protocol(*http1, {.server_name = "localhost", .resume = &*known.saved});
  EXPECT_EQ(other_protocol.write_early(bytes_of("x")), 0U);
  MemoryConnection peer(known.server);
  join(other_name, peer);
  EXPECT_EQ(other_name.facts().early_data, EarlyData::kNotOffered);
}

}  // namespace
}  // namespace sonde::tls
