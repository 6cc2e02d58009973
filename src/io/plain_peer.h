// The other end of a connection under test: plain, non-blocking sockets over loopback, driven by the test's own thread.
// For tests and fuzzers. Which connection an accepted socket belongs to shows in its own address: a listener answers
// for all of 127.0.0.0/8, and each connection goes to an address of its own.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/check.h"
#include "base/ip_address.h"
#include "io/socket.h"
#include "os/fd.h"
#include "os/sockaddr.h"

namespace sonde::io {

// A stream of bytes of which each position tells its place: byte p is p modulo 251.
class Pattern {
 public:
  static constexpr std::size_t kMost = std::size_t{256} << 10;

  static std::span<const std::byte> at(std::uint64_t position, std::size_t size) {
    static const std::array<std::byte, kMost + 251> bytes = [] {
      std::array<std::byte, kMost + 251> out;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i % 251);
      return out;
    }();
    SONDE_CHECK(size <= kMost, "more than the pattern has");
    return std::span(bytes).subspan(position % 251, size);
  }
  static bool matches(std::uint64_t position, std::span<const std::byte> bytes) {
    return bytes.empty() || std::memcmp(at(position, bytes.size()).data(), bytes.data(), bytes.size()) == 0;
  }
};

enum class StreamEnd : std::uint8_t { kNone, kFin, kReset, kOther };

// What a plain socket received so far, from position `start` of the pattern on.
struct Received {
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  StreamEnd end = StreamEnd::kNone;
  bool as_sent = true;  // each byte was the pattern's

  // Reads what is there, `most` bytes of it.
  void read(int fd, std::uint64_t most = UINT64_MAX) {
    std::array<std::byte, 16384> buffer;
    while (end == StreamEnd::kNone && most > 0) {
      const ssize_t got = ::recv(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), most), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        end = got == 0 ? StreamEnd::kFin : errno == ECONNRESET ? StreamEnd::kReset : StreamEnd::kOther;
        return;
      }
      as_sent = as_sent && Pattern::matches(start + bytes, std::span(buffer).first(static_cast<std::size_t>(got)));
      bytes += static_cast<std::uint64_t>(got);
      most -= static_cast<std::uint64_t>(got);
    }
  }
};

class PlainListener {
 public:
  struct Options {
    int backlog = 4096;
    int receive_buffer = 0;  // of what it accepts; 0: the system's
    int max_segment = 0;     // announced: a small one keeps the other side's send buffer small; 0: the system's
    bool listens = true;     // else its port refuses
  };

  PlainListener() : PlainListener(Options{}) {}
  explicit PlainListener(Options options) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    SONDE_CHECK(static_cast<bool>(fd_), "no socket for the peer");
    // Strangers shall not get in. Where that is not permitted they may knock; nobody answers to their address.
    setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
    if (options.receive_buffer > 0) set(SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
    if (options.max_segment > 0) set(IPPROTO_TCP, TCP_MAXSEG, options.max_segment);
    os::SockAddr address;
    os::fill(address, {.address = IpAddress::v4(options.listens ? 0 : 0x7f000001), .port = 0});
    SONDE_CHECK(::bind(fd_.get(), address.get(), address.length) == 0, "the peer cannot bind");
    SONDE_CHECK(!options.listens || ::listen(fd_.get(), options.backlog) == 0, "the peer cannot listen");
    port_ = local_of(fd_.get()).port;
  }

  Endpoint endpoint(std::uint32_t address = 0x7f000001) const { return {IpAddress::v4(address), port_}; }

  // The next connection that waits; empty when there is none.
  os::Fd accept() const { return os::Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

  static Endpoint local_of(int fd) {
    os::SockAddr address;
    address.length = sizeof address.storage;
    SONDE_CHECK(::getsockname(fd, address.get(), &address.length) == 0, "a socket without a name");
    return os::endpoint_of(address);
  }

 private:
  void set(int level, int option, int value) {
    SONDE_CHECK(setsockopt(fd_.get(), level, option, &value, sizeof value) == 0, "the peer's socket option");
  }

  os::Fd fd_;
  std::uint16_t port_ = 0;
};

}  // namespace sonde::io
