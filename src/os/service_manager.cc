#include "os/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "os/machine.h"

namespace sonde::os {
namespace {

constexpr int kFirstSocket = 3;   // SD_LISTEN_FDS_START
constexpr int kMostSockets = 64;  // more are not taken for meant

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whether a variable that goes with `pid_variable` is meant for this process; without one it is.
bool is_ours(const char* pid_variable) {
  const std::string_view pid = variable(pid_variable);
  return pid.empty() || number(pid) == ::getpid();
}

}  // namespace

ServiceManager ServiceManager::of_environment() {
  ServiceManager manager;
  const std::string_view address = variable("NOTIFY_SOCKET");
  if (address.size() > 1 && (address[0] == '/' || address[0] == '@') && address.size() < sizeof(sockaddr_un::sun_path))
    manager.address_ = address;
  const auto usec = number(variable("WATCHDOG_USEC"));
  if (usec && *usec > 0 && *usec < kNever / kMicrosecond && is_ours("WATCHDOG_PID"))
    manager.watchdog_every_ = *usec * kMicrosecond / 2;
  return manager;
}

void ServiceManager::tell(std::string_view lines) const {
  if (address_.empty()) return;
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return;
  sockaddr_un to{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  (void)::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
}

void ServiceManager::tell_reloading() const {
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_now() / kMicrosecond));
}

std::vector<Fd> take_activation_sockets() {
  std::vector<Fd> sockets;
  const auto count = number(variable("LISTEN_FDS"));
  if (count && *count > 0 && *count <= kMostSockets && !variable("LISTEN_PID").empty() && is_ours("LISTEN_PID")) {
    for (int fd = kFirstSocket; fd < kFirstSocket + *count; ++fd) {
      // Not open: whoever set the variables did not pass what he said.
      if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.emplace_back(fd);
    }
  }
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return sockets;
}

}  // namespace sonde::os
