// A TUN device in a network namespace: what the kernel sends there comes out of a descriptor, packet by packet, and
// what is written to it arrives in the namespace. One thread. The device ends with the object; the namespace is the
// caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "os/fd.h"

namespace sonde::netlab {

// "NS:address/prefix": where an end of the line is.
struct End {
  std::string name_space;  // as `ip netns` knows it
  struct Prefix {
    IpAddress address;
    unsigned length = 0;
  };
  std::vector<Prefix> prefixes;  // at least one
};
// "lab-1:10.9.0.1/24", with further prefixes behind commas.
Parsed<End> parse_end(std::string_view text);

class Tun {
 public:
  static constexpr const char* kDevice = "line0";
  static constexpr std::size_t kMtu = 1500;

  // Enters the namespace (the calling thread stays there), makes the device, gives it the addresses and brings it and
  // the loopback device up. The error names the system call.
  static Result<Tun> make(const End& end);

  int fd() const { return fd_.get(); }
  // The next packet, in `buffer`; empty when none waits. Packets of a family without an address here (the kernel's own
  // neighbour chatter on IPv6) are passed over.
  std::span<const std::byte> read(std::span<std::byte> buffer);
  // False when the kernel did not take it.
  bool write(std::span<const std::byte> packet);
  // What the kernel dropped because its queue to this device was full.
  std::uint64_t kernel_dropped() const;

 private:
  os::Fd fd_;
  os::Fd statistics_;  // of this namespace
  bool v4_ = false;
  bool v6_ = false;
};

}  // namespace sonde::netlab
