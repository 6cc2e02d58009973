// For tests of datagrams over the seam: the other side, and a client on either kernel backend that keeps what it is
// told.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/backend.h"
#include "io/epoll_backend.h"
#include "io/plain_peer.h"
#include "io/uring_backend.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/sockaddr.h"

namespace sonde::io {

inline constexpr Nanos kBound = 10 * kSecond;  // of what comes at once, unless something is broken
inline constexpr IpAddress kV4 = IpAddress::v4(0x7f000001);
inline constexpr IpAddress kV6 = IpAddress::v6(1);

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

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
inline Endpoint closed_port(const IpAddress& address = kV4) {
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

inline std::unique_ptr<Backend> make_backend(bool uring, memory::RingPool& pool) {
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

}  // namespace sonde::io
