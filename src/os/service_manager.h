// What systemd asks of a service and gives it: sd_notify(3) and sd_listen_fds(3), by their protocols. Without systemd
// nothing is told, to nobody.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "os/fd.h"

namespace sonde::os {

class ServiceManager {
 public:
  // Of NOTIFY_SOCKET (a path, or an abstract name behind '@'), WATCHDOG_USEC and WATCHDOG_PID.
  static ServiceManager of_environment();

  // One datagram, lines of NAME=VALUE: "READY=1". It does not wait; what cannot be told is not.
  void tell(std::string_view lines) const;
  // "RELOADING=1", with the time that systemd wants by it.
  void tell_reloading() const;

  // How often "WATCHDOG=1" is due: half of what systemd waits; kNever: it does not.
  Nanos watchdog_every() const { return watchdog_every_; }

 private:
  std::string address_;  // as in NOTIFY_SOCKET; empty: nobody
  Nanos watchdog_every_ = kNever;
};

// The sockets that systemd opened for this process (LISTEN_FDS, LISTEN_PID), close-on-exec by now; the variables are
// taken away. To be called before there are threads.
std::vector<Fd> take_activation_sockets();

}  // namespace sonde::os
