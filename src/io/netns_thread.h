// For tests: a thread of its own in a network namespace of its own, with lo up: nothing leaves it, and what it sets is
// set nowhere else.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string_view>
#include <thread>

#include "os/fd.h"

namespace sonde::io {

inline bool bring_up(const char* device) {
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  return socket && ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

inline bool write_setting(const char* path, std::string_view value) {
  const os::Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

// False: this user may make no namespace; `act` was not called.
inline bool in_own_network(const std::function<void()>& act) {
  bool made = false;
  std::thread([&] {
    made = ::unshare(CLONE_NEWNET) == 0 && bring_up("lo");
    if (made) act();
  }).join();
  return made;
}

}  // namespace sonde::io
