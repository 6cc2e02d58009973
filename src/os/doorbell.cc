#include "os/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "os/error.h"

namespace sonde::os {

Result<Doorbell> Doorbell::create() {
  Fd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) return std::unexpected(error_from(errno, "eventfd"));
  return Doorbell(std::move(fd));
}

void Doorbell::ring() const {
  const std::uint64_t one = 1;
  // It cannot fail but for a counter that is full, which rings as well.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

void quiet(int fd) {
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd, &rings, sizeof rings);
}

}  // namespace sonde::os
