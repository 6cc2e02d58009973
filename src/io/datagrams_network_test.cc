// Datagrams in a network of their own, on both kernel backends: who may ping, and what a router, a device or this
// machine itself says.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <sys/syscall.h>

#include <string>

#include "io/datagram_client.h"
#include "io/netns_thread.h"

namespace sonde::io {
namespace {

constexpr const char* kPingGroups = "/proc/sys/net/ipv4/ping_group_range";

class DatagramsNetworkTest : public DatagramsTest {};

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

TEST_P(DatagramsNetworkTest, ping_over_ping_sockets) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "0 2147483647"));
        ASSERT_TRUE(drop_raw());
        ping_both_families(GetParam());
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsNetworkTest, ping_over_raw_sockets_where_there_are_no_ping_sockets) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "1 0"));
        ping_both_families(GetParam());
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsNetworkTest, ping_without_any_right_is_not_permitted) {
  if (!in_own_network([&] {
        ASSERT_TRUE(write_setting(kPingGroups, "1 0"));
        ASSERT_TRUE(drop_raw());
        Client client(GetParam());
        EXPECT_EQ(client.connect(Client::id(0), {.address = kV4, .port = 0}, Transport::kPing).kind,
                  ErrorKind::kNotPermitted);
      }))
    GTEST_SKIP() << "no right to make a network namespace";
}

TEST_P(DatagramsNetworkTest, no_route_and_no_permission_are_told_by_the_read) {
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

TEST_P(DatagramsNetworkTest, what_may_not_be_fragmented_fails_where_it_is_too_long) {
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

TEST_P(DatagramsNetworkTest, a_write_without_room_waits_until_there_is_some) {
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

INSTANTIATE_TEST_SUITE_P(Each, DatagramsNetworkTest, testing::Bool(),
                         [](const auto& each) { return each.param ? "uring" : "epoll"; });

}  // namespace
}  // namespace sonde::io
