// Datagrams over the seam, on both kernel backends: what a peer, a closed port, a router or this machine itself says.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "io/backend.h"
#include "io/epoll_backend.h"
#include "io/netns_thread.h"
#include "io/plain_peer.h"
#include "io/uring_backend.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/sockaddr.h"

namespace sonde::io {
namespace {

constexpr Nanos kBound = 10 * kSecond;  // of what comes at once, unless something is broken
constexpr IpAddress kV4 = IpAddress::v4(0x7f000001);
constexpr IpAddress kV6 = IpAddress::v6(1);
constexpr const char* kPingGroups = "/proc/sys/net/ipv4/ping_group_range";

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// A UDP socket of the other side.
class UdpPeer {
 public:
  explicit UdpPeer(const IpAddress& address = kV4)
      : fd_(::socket(os::family_of(address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    SONDE_CHECK(static_cast<bool>(fd_), "no socket for the peer");
    os::SockAddr name;
    os::fill(name, {.address = address, .port = 0});
    SONDE_CHECK(::bind(fd_.get(), name.get(), name.length) == 0, "the peer cannot bind");
    endpoint_ = PlainListener::local_of(fd_.get());
  }
  const Endpoint& endpoint() const { return endpoint_; }
  void hear_only(const Endpoint& other) const {
    os::SockAddr name;
    os::fill(name, other);
    SONDE_CHECK(::connect(fd_.get(), name.get(), name.length) == 0, "the peer cannot be bound to another");
  }
  // The TTL or hop limit of the next datagram, which is taken; 0 when there is none.
  int receive_hop_limit() const {
    const int on = 1;
    const bool v4 = endpoint_.address.is_v4();
    EXPECT_EQ(::setsockopt(fd_.get(), v4 ? static_cast<int>(IPPROTO_IP) : static_cast<int>(IPPROTO_IPV6),
                           v4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, &on, sizeof on),
              0);
    alignas(cmsghdr) std::array<std::byte, 64> control{};
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    if (::recvmsg(fd_.get(), &header, 0) < 0) return 0;
    int limit = 0;
    if (const cmsghdr* found = CMSG_FIRSTHDR(&header)) std::memcpy(&limit, CMSG_DATA(found), sizeof limit);
    return limit;
  }
  // The next datagram, with where it came from; false when there is none.
  bool receive(std::string& text, Endpoint& from) const {
    std::array<char, 8192> buffer;
    os::SockAddr name;
    name.length = sizeof name.storage;
    const ssize_t got = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, name.get(), &name.length);
    if (got < 0) return false;
    text.assign(buffer.data(), static_cast<std::size_t>(got));
    from = os::endpoint_of(name);
    return true;
  }
  void send(const Endpoint& to, std::string_view text) const {
    os::SockAddr name;
    os::fill(name, to);
    EXPECT_EQ(::sendto(fd_.get(), text.data(), text.size(), 0, name.get(), name.length),
              static_cast<ssize_t>(text.size()));
  }

 private:
  os::Fd fd_;
  Endpoint endpoint_;
};

// An address whose port nobody hears: who has it listens to another one alone, so that nobody takes it meanwhile.
Endpoint closed_port(const IpAddress& address = kV4) {
  static std::deque<UdpPeer> held;
  held.emplace_back(address).hear_only({.address = address, .port = 1});
  return held.back().endpoint();
}

struct Story {
  int connects = 0;
  int writes = 0;
  std::vector<std::string> read;
  std::vector<Error> errors;
  std::vector<IcmpError> icmp;
  int hop_limit = 0;
};

std::unique_ptr<Backend> make_backend(bool uring, memory::RingPool& pool) {
  if (!uring) return std::move(EpollBackend::create(pool).value());
  const UringFeatures features = probe_uring();
  if (!features.usable()) return nullptr;
  return std::move(UringBackend::create(pool, {.features = features, .connections = 1024}).value());
}

// A backend and what became of its connections.
class Client {
 public:
  explicit Client(bool uring) : backend_(make_backend(uring, pool_)) {}
  ~Client() {
    if (backend_ == nullptr) return;
    backend_->drain();
    EXPECT_EQ(pool_.stats().in_use, 0U) << "every buffer must have come back";
  }
  explicit operator bool() const { return backend_ != nullptr; }

  static ConnectionId id(std::uint32_t index, std::uint32_t generation = 1) {
    return {.index = index, .generation = generation};
  }
  Story& story(ConnectionId of) { return stories_[std::pair(of.index, of.generation)]; }
  Backend& backend() { return *backend_; }

  std::size_t wait(Nanos until) {
    const std::span<Completion> completions = backend_->wait(until);
    for (const Completion& completion : completions) {
      EXPECT_GT(completion.id.generation, closed_[completion.id.index]) << "a completion after close";
      Story& of = story(completion.id);
      if (completion.op == Op::kConnect) {
        ++of.connects;
        EXPECT_FALSE(completion.failed);
      } else if (completion.op == Op::kWrite) {
        ++of.writes;
        EXPECT_FALSE(completion.failed) << "a write of a datagram does not fail";
      } else if (completion.failed) {
        of.errors.push_back(completion.error);
        if (completion.icmp != nullptr) of.icmp.push_back(*completion.icmp);
      } else {
        of.read.emplace_back(reinterpret_cast<const char*>(completion.data.data()), completion.data.size());
        of.hop_limit = completion.hop_limit;
      }
    }
    return completions.size();
  }
  template <typename Done>
  bool wait_for(Done done) {
    const Nanos give_up = backend_->refresh() + kBound;
    bool is_done = false;
    while (!(is_done = done()) && backend_->now() < give_up) wait(backend_->now() + kMillisecond);
    return is_done;
  }
  void settle() {
    for (int quiet = 0, waits = 0; quiet < 3 && waits < 10'000; ++waits) quiet = wait(0) > 0 ? 0 : quiet + 1;
  }

  Error connect(ConnectionId of, const Endpoint& endpoint, Transport transport, const IpAddress& source = {}) {
    const Result<> made = backend_->connect(of, endpoint, {.source = source, .transport = transport});
    if (!made) return made.error();
    EXPECT_TRUE(wait_for([&] { return story(of).connects == 1; }));
    return {.kind = ErrorKind::kOther};
  }
  void udp(ConnectionId of, const Endpoint& endpoint, const IpAddress& source = {}) {
    EXPECT_EQ(connect(of, endpoint, Transport::kUdp, source).kind, ErrorKind::kOther);
  }
  void write(ConnectionId of, std::string_view text) {
    const int before = story(of).writes;
    backend_->write(of, bytes_of(text));
    EXPECT_TRUE(wait_for([&] { return story(of).writes > before; }));
  }
  // The next datagram or error is there.
  bool read(ConnectionId of) {
    const std::size_t before = story(of).read.size() + story(of).errors.size();
    backend_->read(of);
    return wait_for([&] { return story(of).read.size() + story(of).errors.size() > before; });
  }
  void close(ConnectionId of) {
    backend_->close(of, CloseMode::kReset);
    closed_[of.index] = of.generation;
  }
  // What the peer receives next.
  std::string received_by(const UdpPeer& peer, Endpoint& from) {
    std::string text;
    EXPECT_TRUE(wait_for([&] { return peer.receive(text, from); }));
    return text;
  }

 private:
  memory::RingPool pool_;
  std::unique_ptr<Backend> backend_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Story> stories_;
  std::map<std::uint32_t, std::uint32_t> closed_;
};

class DatagramsTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!client_) GTEST_SKIP() << "no io_uring: " << probe_uring().why_not();
  }
  static ConnectionId id(std::uint32_t index, std::uint32_t generation = 1) { return Client::id(index, generation); }
  Story& story(std::uint32_t index, std::uint32_t generation = 1) { return client_.story(id(index, generation)); }

  Client client_{GetParam()};
};

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

// --- what needs a network of its own ---

// Drops CAP_NET_RAW, of this thread alone.
bool drop_raw() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  data[0].effective &= ~(1U << CAP_NET_RAW);
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

// ICMP echo request with its checksum (RFC 792, RFC 1071); of ICMPv6 the kernel makes that.
std::string echo_request(bool v4, std::uint16_t sequence) {
  std::string text = v4 ? "\x08" : "\x80";
  text.append(5, '\0');
  text += static_cast<char>(sequence >> 8);
  text += static_cast<char>(sequence);
  text += "sonde test payload";
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < text.size(); i += 2)
    sum += static_cast<std::uint8_t>(text[i]) << 8 | static_cast<std::uint8_t>(text[i + 1]);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = ~((sum >> 16) + sum);
  if (v4) {
    text[2] = static_cast<char>(sum >> 8);
    text[3] = static_cast<char>(sum);
  }
  return text;
}

void ping_both_families(bool uring) {
  Client client(uring);
  for (const IpAddress& address : {kV4, kV6}) {
    // Two connections to one address, and one to another: each gets at least its own answer.
    const std::uint32_t first = address == kV4 ? 0 : 2;
    for (const std::uint32_t index : {first, first + 1})
      ASSERT_EQ(client.connect(Client::id(index), {.address = address, .port = 0}, Transport::kPing).kind,
                ErrorKind::kOther);
    for (const std::uint32_t index : {first, first + 1}) {
      const std::string request = echo_request(address == kV4, static_cast<std::uint16_t>(index));
      client.write(Client::id(index), request);
      const auto mine = [&] {
        const std::vector<std::string>& read = client.story(Client::id(index)).read;
        return !read.empty() && read.back().size() == request.size() && read.back().substr(6) == request.substr(6);
      };
      while (!mine() && client.read(Client::id(index))) continue;
      ASSERT_TRUE(mine());
      EXPECT_EQ(client.story(Client::id(index)).read.back()[0], address == kV4 ? '\x00' : '\x81') << "an echo reply";
      EXPECT_EQ(client.story(Client::id(index)).hop_limit, 64);
    }
  }
}

TEST_P(DatagramsTest, ping_over_ping_sockets) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "0 2147483647"));
        ASSERT_TRUE(drop_raw());
        ping_both_families(GetParam());
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsTest, ping_over_raw_sockets_where_there_are_no_ping_sockets) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "1 0"));
        ping_both_families(GetParam());
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsTest, ping_without_any_right_is_not_permitted) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "1 0"));
        ASSERT_TRUE(drop_raw());
        Client client(GetParam());
        EXPECT_EQ(client.connect(Client::id(0), {.address = kV4, .port = 0}, Transport::kPing).kind,
                  ErrorKind::kNotPermitted);
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsTest, no_route_and_no_permission_are_told_by_the_read) {
  if (!in_own_network([&] {
        Client client(GetParam());
        client.udp(Client::id(0), {.address = IpAddress::v4(0xc0000201), .port = 53});
        client.write(Client::id(0), "?");
        ASSERT_TRUE(client.read(Client::id(0)));
        EXPECT_EQ(client.story(Client::id(0)).errors.at(0).kind, ErrorKind::kUnreachable);
        client.udp(Client::id(1), {.address = IpAddress::v4(0x7fffffff), .port = 53});  // broadcast
        client.backend().read(Client::id(1));                                           // asked for before it is known
        client.write(Client::id(1), "?");
        ASSERT_TRUE(client.wait_for([&] { return !client.story(Client::id(1)).errors.empty(); }));
        EXPECT_EQ(client.story(Client::id(1)).errors.at(0).kind, ErrorKind::kNotPermitted);
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsTest, what_may_not_be_fragmented_fails_where_it_is_too_long) {
  if (!in_own_network([&] {
        ifreq request{};
        std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
        request.ifr_mtu = 1500;
        const os::Fd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(ioctl(control.get(), SIOCSIFMTU, &request), 0);
        Client client(GetParam());
        const std::string text(2000, 'x');
        std::uint32_t index = 0;
        for (const IpAddress& address : {kV4, kV6}) {
          const UdpPeer peer(address);
          const ConnectionId whole = Client::id(index++);
          const ConnectionId in_pieces = Client::id(index++);
          ASSERT_TRUE(
              client.backend().connect(whole, peer.endpoint(), {.transport = Transport::kUdp, .dont_fragment = true}));
          client.udp(in_pieces, peer.endpoint());
          client.write(whole, text);
          ASSERT_TRUE(client.read(whole));
          ASSERT_EQ(client.story(whole).errors.size(), 1U);
          EXPECT_EQ(client.story(whole).errors[0].kind, ErrorKind::kUnreachable);
          client.write(in_pieces, text);
          Endpoint from;
          EXPECT_EQ(client.received_by(peer, from), text);
          client.write(whole, "short");
          EXPECT_EQ(client.received_by(peer, from), "short");
        }
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

// A device that keeps what it is given while the next hop's link address is unknown.
class Tap {
 public:
  Tap() : fd_(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    if (!fd_) return;
    ifreq request = named();
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    made_ = ioctl(fd_.get(), TUNSETIFF, &request) == 0;
    if (!made_) return;
    request = named();
    set_address(request.ifr_addr, 0x0a090001);
    made_ = ioctl(control_.get(), SIOCSIFADDR, &request) == 0;
    request = named();
    set_address(request.ifr_netmask, 0xffffff00);
    made_ = made_ && ioctl(control_.get(), SIOCSIFNETMASK, &request) == 0 && bring_up("tap0");
  }
  explicit operator bool() const { return made_; }
  bool know(std::uint32_t neighbour) const {
    arpreq request{};
    set_address(request.arp_pa, neighbour);
    request.arp_ha.sa_family = ARPHRD_ETHER;
    request.arp_ha.sa_data[0] = 2;
    request.arp_flags = ATF_COM | ATF_PERM;
    std::strncpy(request.arp_dev, "tap0", sizeof request.arp_dev - 1);
    return ioctl(control_.get(), SIOCSARP, &request) == 0;
  }

 private:
  static ifreq named() {
    ifreq request{};
    std::strncpy(request.ifr_name, "tap0", IFNAMSIZ - 1);
    return request;
  }
  static void set_address(sockaddr& out, std::uint32_t address) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(address);
    std::memcpy(&out, &in, sizeof in);
  }
  os::Fd fd_;
  os::Fd control_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  bool made_ = false;
};

TEST_P(DatagramsTest, a_write_without_room_waits_until_there_is_some) {
  bool has_tap = false;
  if (!in_own_network([&] {
        const Tap tap;
        has_tap = static_cast<bool>(tap);
        if (!has_tap) return;
        Client client(GetParam());
        constexpr std::uint32_t kMany = 250;  // fewer than a second socket is opened for
        constexpr std::uint32_t kNeighbour = 0x0a090002;
        const std::string text(1400, 'x');
        for (std::uint32_t i = 0; i < kMany; ++i) {
          // Four neighbours, each of which has its own queue for what cannot be sent yet.
          client.udp(Client::id(i),
                     {.address = IpAddress::v4(kNeighbour + i % 4), .port = static_cast<std::uint16_t>(1000 + i)});
          client.backend().write(Client::id(i), bytes_of(text));
        }
        client.settle();
        const auto written = [&] {
          std::uint32_t count = 0;
          for (std::uint32_t i = 0; i < kMany; ++i)
            count += static_cast<std::uint32_t>(client.story(Client::id(i)).writes);
          return count;
        };
        const std::uint32_t before = written();
        EXPECT_LT(before, kMany) << "the kernel took it all: nothing is tested";
        client.close(Client::id(kMany - 1));  // with its write outstanding
        for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(tap.know(kNeighbour + i));
        EXPECT_TRUE(client.wait_for([&] { return written() == kMany - 1; })) << written();
      }))
    GTEST_SKIP() << "no right to make a network namespace";
  if (!has_tap) GTEST_SKIP() << "no /dev/net/tun";
}

INSTANTIATE_TEST_SUITE_P(Each, DatagramsTest, testing::Bool(),
                         [](const auto& each) { return each.param ? "uring" : "epoll"; });

}  // namespace
}  // namespace sonde::io
