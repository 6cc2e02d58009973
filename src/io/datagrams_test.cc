// Datagrams over the seam, on both kernel backends: what a peer and a closed port say.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/datagram_client.h"

namespace sonde::io {
namespace {

TEST_P(DatagramsTest, a_peer_is_asked_and_answers) {
  for (const IpAddress& address : {kV4, kV6}) {
    const std::uint32_t index = address == kV4 ? 0 : 1;
    const UdpPeer peer(address);
    client_.udp(id(index), peer.endpoint());
    client_.write(id(index), "who are you?");
    Endpoint from;
    EXPECT_EQ(client_.received_by(peer, from), "who are you?");
    EXPECT_EQ(from.address, address);
    peer.send(from, "a peer");
    ASSERT_TRUE(client_.read(id(index)));
    EXPECT_EQ(story(index).read, std::vector<std::string>{"a peer"});
    EXPECT_EQ(story(index).hop_limit, 0);
  }
}

TEST_P(DatagramsTest, a_read_is_one_datagram_however_long_or_empty) {
  const UdpPeer peer;
  client_.udp(id(0), peer.endpoint());
  client_.write(id(0), "?");
  Endpoint from;
  client_.received_by(peer, from);
  const std::vector<std::string> sent = {"one", "", std::string(kMostDatagram, 'x'), "two"};
  for (const std::string& text : sent) peer.send(from, text);
  peer.send(from, std::string(kMostDatagram + 1000, 'y'));
  for (std::size_t i = 0; i <= sent.size(); ++i) ASSERT_TRUE(client_.read(id(0)));
  ASSERT_EQ(story(0).read.size(), sent.size() + 1);
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), story(0).read.begin()));
  EXPECT_EQ(story(0).read.back(), std::string(kMostDatagram, 'y')) << "cut to what is told of a datagram";
}

TEST_P(DatagramsTest, a_closed_port_fails_the_read_as_refused) {
  for (const IpAddress& address : {kV4, kV6}) {
    const std::uint32_t index = address == kV4 ? 0 : 1;
    client_.udp(id(index), closed_port(address));
    client_.write(id(index), "anybody?");
    ASSERT_TRUE(client_.read(id(index)));
    ASSERT_EQ(story(index).errors.size(), 1U);
    EXPECT_EQ(story(index).errors[0].kind, ErrorKind::kRefused) << os::describe(story(index).errors[0]);
    ASSERT_EQ(story(index).icmp.size(), 1U);
    EXPECT_EQ(story(index).icmp[0].from, address);
    EXPECT_EQ(story(index).icmp[0].type, address == kV4 ? 3 : 1);
    EXPECT_EQ(story(index).icmp[0].code, address == kV4 ? 3 : 4);
  }
}

TEST_P(DatagramsTest, an_error_is_told_to_the_peer_that_it_is_about_and_stops_no_other) {
  const UdpPeer peer;
  constexpr std::uint32_t kPairs = 50;
  for (std::uint32_t i = 0; i < kPairs; ++i) {
    client_.udp(id(2 * i), closed_port());
    client_.udp(id(2 * i + 1), {.address = IpAddress::v4(0x7f000001), .port = peer.endpoint().port});
  }
  // Over loopback the error is there before the next datagram goes out.
  for (std::uint32_t i = 0; i < 2 * kPairs; ++i) client_.backend().write(id(i), bytes_of("?"));
  ASSERT_TRUE(client_.wait_for([&] { return story(2 * kPairs - 1).writes == 1; }));
  Endpoint from;
  for (std::uint32_t i = 0; i < kPairs; ++i) {
    EXPECT_EQ(client_.received_by(peer, from), "?");
    peer.send(from, "!");
  }
  for (std::uint32_t i = 0; i < 2 * kPairs; ++i) {
    ASSERT_TRUE(client_.read(id(i))) << i;
    EXPECT_EQ(story(i).errors.size(), i % 2 == 0 ? 1U : 0U) << i;
  }
}

TEST_P(DatagramsTest, what_others_send_is_not_heard) {
  const UdpPeer peer;
  const UdpPeer stranger;
  client_.udp(id(0), peer.endpoint());
  client_.write(id(0), "?");
  Endpoint from;
  client_.received_by(peer, from);
  stranger.send(from, "forged");
  client_.backend().read(id(0));
  client_.settle();
  EXPECT_TRUE(story(0).read.empty());
  peer.send(from, "true");
  ASSERT_TRUE(client_.wait_for([&] { return !story(0).read.empty(); }));
  EXPECT_EQ(story(0).read, std::vector<std::string>{"true"});
}

TEST_P(DatagramsTest, connections_to_one_endpoint_do_not_hear_each_others_answers) {
  const UdpPeer peer;
  constexpr std::uint32_t kMany = 40;
  for (std::uint32_t i = 0; i < kMany; ++i) client_.udp(id(i), peer.endpoint());
  for (std::uint32_t i = 0; i < kMany; ++i) client_.write(id(i), std::to_string(i));
  for (std::uint32_t i = 0; i < kMany; ++i) {
    Endpoint from;
    const std::string text = client_.received_by(peer, from);
    peer.send(from, text);
  }
  for (std::uint32_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE(client_.read(id(i)));
    EXPECT_EQ(story(i).read, std::vector<std::string>{std::to_string(i)});
  }
}

TEST_P(DatagramsTest, so_many_connections_to_one_endpoint_are_a_lack_of_ports) {
  const UdpPeer peer;
  for (std::uint32_t i = 0; i < 64; ++i) client_.udp(id(i), peer.endpoint());
  EXPECT_EQ(client_.connect(id(64), peer.endpoint(), Transport::kUdp).kind, ErrorKind::kNoPorts);
  client_.close(id(10));
  client_.udp(id(65), peer.endpoint());
}

TEST_P(DatagramsTest, what_nobody_reads_waits_in_bounds) {
  const UdpPeer peer;
  client_.udp(id(0), peer.endpoint());
  client_.write(id(0), "?");
  Endpoint from;
  client_.received_by(peer, from);
  for (int i = 0; i < 100; ++i) peer.send(from, std::to_string(i));
  client_.settle();
  EXPECT_TRUE(story(0).read.empty());
  std::size_t came = 0;
  for (;;) {
    client_.backend().read(id(0));
    client_.settle();
    if (story(0).read.size() == came) break;
    EXPECT_EQ(story(0).read.back(), std::to_string(came)) << "in their order";
    ++came;
  }
  EXPECT_EQ(came, 8U);
  peer.send(from, "again");
  ASSERT_TRUE(client_.wait_for([&] { return story(0).read.size() > came; }));
  EXPECT_EQ(story(0).read.back(), "again");
}

TEST_P(DatagramsTest, an_index_that_is_used_again_hears_nothing_of_the_past) {
  const UdpPeer peer;
  for (std::uint32_t generation = 1; generation <= 500; ++generation) {
    const ConnectionId me = id(0, generation);
    client_.udp(me, peer.endpoint());
    client_.write(me, "?");
    Endpoint from;
    client_.received_by(peer, from);
    if (generation % 2 == 0) client_.backend().read(me);
    peer.send(from, "late");
    if (generation % 3 == 0) client_.wait(0);
    client_.close(me);
    client_.settle();  // the answer is dropped with nobody to take it
    EXPECT_LE(client_.story(me).read.size(), 1U);
  }
}

TEST_P(DatagramsTest, a_wait_that_sleeps_is_woken_beside_connections_too) {
  const PlainListener listener;
  const UdpPeer peer;
  ASSERT_TRUE(client_.backend().connect(id(7), listener.endpoint()));
  ASSERT_TRUE(client_.wait_for([&] { return story(7).connects == 1; }));
  client_.udp(id(0), peer.endpoint());
  client_.write(id(0), "?");
  Endpoint from;
  client_.received_by(peer, from);
  client_.backend().read(id(0));
  client_.settle();
  std::thread later([&] { peer.send(from, "news"); });
  const Nanos give_up = client_.backend().refresh() + kBound;
  while (story(0).read.empty() && client_.backend().now() < give_up) client_.wait(give_up);
  later.join();
  EXPECT_EQ(story(0).read, std::vector<std::string>{"news"});
  EXPECT_LT(client_.backend().now(), give_up) << "it slept through the news";
  client_.backend().close(id(7), CloseMode::kReset);
}

TEST_P(DatagramsTest, the_source_address_is_set) {
  const UdpPeer peer;
  const IpAddress source = IpAddress::v4(0x7f0000fe);
  client_.udp(id(0), peer.endpoint(), source);
  client_.write(id(0), "?");
  Endpoint from;
  client_.received_by(peer, from);
  EXPECT_EQ(from.address, source);
  peer.send(from, "!");
  ASSERT_TRUE(client_.read(id(0)));
  EXPECT_EQ(story(0).read, std::vector<std::string>{"!"});

  const UdpPeer six(kV6);
  client_.udp(id(1), six.endpoint(), kV6);
  client_.write(id(1), "?");
  client_.received_by(six, from);
  EXPECT_EQ(from.address, kV6);
}

// Beside others over the same socket that have none of their own.
TEST_P(DatagramsTest, a_hop_limit_is_that_of_its_connection) {
  std::uint32_t index = 0;
  for (const IpAddress& address : {kV4, kV6}) {
    const UdpPeer own(address);
    const UdpPeer other(address);
    own.receive_hop_limit();  // asked for before it comes
    other.receive_hop_limit();
    const ConnectionId with = id(index++);
    const ConnectionId without = id(index++);
    ASSERT_TRUE(client_.backend().connect(with, own.endpoint(), {.transport = Transport::kUdp, .hop_limit = 5}));
    client_.udp(without, other.endpoint());
    client_.write(with, "?");
    client_.write(without, "?");
    int limit = 0;
    EXPECT_TRUE(client_.wait_for([&] { return (limit = own.receive_hop_limit()) != 0; }));
    EXPECT_EQ(limit, 5);
    EXPECT_TRUE(client_.wait_for([&] { return (limit = other.receive_hop_limit()) != 0; }));
    EXPECT_EQ(limit, 64);

    const IpAddress source = address == kV4 ? IpAddress::v4(0x7f000009) : kV6;
    const ConnectionId both = id(index++);
    ASSERT_TRUE(client_.backend().connect(both, own.endpoint(),
                                          {.source = source, .transport = Transport::kUdp, .hop_limit = 7}));
    client_.write(both, "?");
    EXPECT_TRUE(client_.wait_for([&] { return (limit = own.receive_hop_limit()) != 0; }));
    EXPECT_EQ(limit, 7);
  }
}

TEST_P(DatagramsTest, many_peers_at_once) {
  constexpr std::uint32_t kMany = 20'000;
  const UdpPeer peer(IpAddress::v4(0));  // answers for all of 127/8, from the address that it was asked at
  std::vector<Endpoint> peers;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    const Endpoint endpoint{.address = IpAddress::v4(0x7f010000 + i), .port = peer.endpoint().port};
    ASSERT_TRUE(client_.backend().connect(id(i), endpoint, {.transport = Transport::kUdp}));
  }
  client_.settle();
  std::uint32_t connected = 0;
  for (std::uint32_t i = 0; i < kMany; ++i) connected += static_cast<std::uint32_t>(story(i).connects);
  EXPECT_EQ(connected, kMany);
  for (std::uint32_t i = 0; i < kMany; i += 2) client_.close(id(i));
  for (std::uint32_t i = 1; i < kMany; i += 500) {
    client_.write(id(i), "?");
    Endpoint from;
    EXPECT_EQ(client_.received_by(peer, from), "?");
  }
}

INSTANTIATE_TEST_SUITE_P(Each, DatagramsTest, testing::Bool(),
                         [](const auto& each) { return each.param ? "uring" : "epoll"; });

}  // namespace
}  // namespace sonde::io
