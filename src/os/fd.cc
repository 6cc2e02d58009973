#include "os/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "os/error.h"

namespace sonde::os {

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<> write_all(int fd, std::span<const std::string> pieces) {
  std::size_t piece = 0;
  std::size_t offset = 0;  // into pieces[piece]
  while (piece < pieces.size()) {
    if (offset == pieces[piece].size()) {
      ++piece;
      offset = 0;
      continue;
    }
    std::array<iovec, 64> vectors{};
    std::size_t count = 0;
    for (std::size_t i = piece; i < pieces.size() && count < vectors.size(); ++i) {
      const std::size_t skip = i == piece ? offset : 0;
      vectors[count++] = {.iov_base = const_cast<char*>(pieces[i].data()) + skip, .iov_len = pieces[i].size() - skip};
    }
    const ssize_t written = ::writev(fd, vectors.data(), static_cast<int>(count));
    if (written < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(error_from(errno, "write"));
    }
    std::size_t left = static_cast<std::size_t>(written);
    while (left > 0) {
      const std::size_t step = std::min(left, pieces[piece].size() - offset);
      left -= step;
      offset += step;
      if (offset == pieces[piece].size() && left > 0) {
        ++piece;
        offset = 0;
      }
    }
  }
  return {};
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(error_from(errno, "write"));
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> replace_file(const std::string& path, std::string_view content) {
  // A rename over a device or a pipe would put a file in its place, for everybody who uses it.
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    const Fd target(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!target) return std::unexpected(error_from(errno, "open"));
    return write_all(target.get(), content);
  }
  const std::string beside = path + ".new";
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return std::unexpected(error_from(errno, "open"));
  if (Result<> written = write_all(fd.get(), content); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  if (::fsync(fd.get()) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) {
    const Error error = error_from(errno, "replace");
    ::unlink(beside.c_str());
    return std::unexpected(error);
  }
  return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(error_from(errno, "open"));
  std::string content;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(error_from(errno, "read"));
    }
    if (got == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > limit)
      return std::unexpected(Error{.kind = ErrorKind::kNoSpace, .sys = 0, .what = "file is too large"});
  }
}

}  // namespace sonde::os
