#include "netlab/tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "os/error.h"
#include "os/sockaddr.h"

namespace sonde::netlab {
namespace {

constexpr int kKernelQueuePackets = 20'000;  // a burst of SYNs must not be lost before the line sees it

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  return request;
}

std::unexpected<Error> failed(const char* what) { return std::unexpected(os::error_from(errno, what)); }

Result<os::Fd> control_socket(int family) {
  os::Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return failed("socket");
  return socket;
}

Result<> bring_up(int control, const char* device) {
  ifreq request = request_for(device);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) return failed("SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) return failed("SIOCSIFFLAGS");
  return {};
}

Result<> add_v4(int control, const End::Prefix& prefix) {
  ifreq request = request_for(Tun::kDevice);
  os::SockAddr address;
  os::fill(address, {.address = prefix.address});
  std::memcpy(&request.ifr_addr, &address.v4, sizeof(address.v4));
  if (ioctl(control, SIOCSIFADDR, &request) != 0) return failed("SIOCSIFADDR");
  const std::uint32_t mask = prefix.length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix.length);
  os::fill(address, {.address = IpAddress::v4(mask)});
  std::memcpy(&request.ifr_netmask, &address.v4, sizeof(address.v4));
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) return failed("SIOCSIFNETMASK");
  return {};
}

// The kernel makes an IPv6 address usable some time after it is set (duplicate address detection, in a work queue,
// though a TUN device has nobody to ask).
Result<> wait_until_usable(const os::SockAddr& address) {
  constexpr int kTries = 2000;  // a millisecond each
  const auto probe = control_socket(AF_INET6);
  if (!probe) return std::unexpected(probe.error());
  for (int i = 0; i < kTries; ++i) {
    if (bind(probe->get(), address.get(), address.length) == 0) return {};
    if (errno != EADDRNOTAVAIL) break;
    usleep(1000);
  }
  return failed("bind to the IPv6 address");
}

Result<> add_v6(const End::Prefix& prefix) {
  const auto control = control_socket(AF_INET6);
  if (!control) return std::unexpected(control.error());
  os::SockAddr address;
  os::fill(address, {.address = prefix.address});
  in6_ifreq request{};
  request.ifr6_addr = address.storage.sin6_addr;
  request.ifr6_prefixlen = prefix.length;
  request.ifr6_ifindex = static_cast<int>(if_nametoindex(Tun::kDevice));
  if (ioctl(control->get(), SIOCSIFADDR, &request) != 0) return failed("SIOCSIFADDR of IPv6");
  return wait_until_usable(address);
}

Result<os::Fd> make_device() {
  os::Fd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return failed("open /dev/net/tun");
  ifreq request = request_for(Tun::kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) return failed("TUNSETIFF");
  return fd;
}

}  // namespace

Parsed<End> parse_end(std::string_view text) {
  const auto wrong = [&] { return input_error("'" + std::string(text) + "' is not an end: NS:address/prefix[,…]"); };
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  End end{.name_space = std::string(text.substr(0, colon))};
  for (std::string_view rest = text.substr(colon + 1); !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    const std::size_t slash = item.find('/');
    if (slash == std::string_view::npos) return wrong();
    const auto address = parse_ip(item.substr(0, slash));
    End::Prefix prefix;
    const char* last = item.data() + item.size();
    const auto [stop, error] = std::from_chars(item.data() + slash + 1, last, prefix.length);
    if (!address || error != std::errc() || stop != last || prefix.length > (address->is_v4() ? 32U : 128U))
      return wrong();
    prefix.address = *address;
    end.prefixes.push_back(prefix);
  }
  if (end.prefixes.empty()) return wrong();
  return end;
}

Result<Tun> Tun::make(const End& end) {
  const os::Fd name_space(open(("/var/run/netns/" + end.name_space).c_str(), O_RDONLY | O_CLOEXEC));
  if (!name_space) return failed("open the namespace");
  if (setns(name_space.get(), CLONE_NEWNET) != 0) return failed("setns");
  Tun tun;
  auto device = make_device();
  if (!device) return std::unexpected(device.error());
  tun.fd_ = std::move(*device);
  // /proc/self/net is that of the namespace in which it is opened.
  tun.statistics_ = os::Fd(open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC));
  if (!tun.statistics_) return failed("open /proc/thread-self/net/dev");
  const auto control = control_socket(AF_INET);
  if (!control) return std::unexpected(control.error());
  ifreq queue = request_for(kDevice);
  queue.ifr_qlen = kKernelQueuePackets;
  if (ioctl(control->get(), SIOCSIFTXQLEN, &queue) != 0) return failed("SIOCSIFTXQLEN");
  for (const char* name : {kDevice, "lo"})
    if (auto up = bring_up(control->get(), name); !up) return std::unexpected(up.error());
  for (const End::Prefix& prefix : end.prefixes) {
    const bool v4 = prefix.address.is_v4();
    if (auto added = v4 ? add_v4(control->get(), prefix) : add_v6(prefix); !added)
      return std::unexpected(added.error());
    (v4 ? tun.v4_ : tun.v6_) = true;
  }
  return tun;
}

std::span<const std::byte> Tun::read(std::span<std::byte> buffer) {
  while (true) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got <= 0) return {};
    const unsigned version = static_cast<unsigned>(buffer[0]) >> 4;
    if ((version == 4 && v4_) || (version == 6 && v6_)) return buffer.first(static_cast<std::size_t>(got));
  }
}

bool Tun::write(std::span<const std::byte> packet) {
  return ::write(fd_.get(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size());
}

std::uint64_t Tun::kernel_dropped() const {
  std::array<char, 16384> text{};
  const ssize_t got = pread(statistics_.get(), text.data(), text.size(), 0);
  const std::string_view all(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::size_t line = all.find(std::string(kDevice) + ":");
  if (line == std::string_view::npos) return 0;
  // Behind the name: eight columns of what came, then bytes, packets, errors and drops of what went.
  std::uint64_t value = 0;
  const char* at = all.data() + line + std::strlen(kDevice) + 1;
  const char* end = all.data() + all.size();
  for (int column = 0; column < 12; ++column) {
    while (at != end && *at == ' ') ++at;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return 0;
    at = stop;
  }
  return value;
}

}  // namespace sonde::netlab
