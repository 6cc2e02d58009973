#include "sinks/file_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/error.h"

namespace sonde::sinks {
namespace {

// The size of the file without the bytes behind its last line end.
Result<off_t> size_of_whole_lines(int fd, off_t size) {
  std::array<char, 65536> chunk;
  while (size > 0) {
    const off_t from = std::max<off_t>(0, size - static_cast<off_t>(chunk.size()));
    const ssize_t got = ::pread(fd, chunk.data(), static_cast<std::size_t>(size - from), from);
    if (got < 0) return std::unexpected(os::error_from(errno, "read"));
    for (ssize_t i = got; i-- > 0;)
      if (chunk[static_cast<std::size_t>(i)] == '\n') return from + i + 1;
    size = from;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::open(const std::string& path, Mode mode) {
  if (path == "-") {
    os::Fd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) return std::unexpected(os::error_from(errno, "standard output"));
    return std::unique_ptr<FileSink>(new FileSink(std::move(fd), false, true));
  }
  const int flags = mode == Mode::kReplace ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR | O_CREAT;
  os::Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::unexpected(os::error_from(errno, "open"));
  const bool regular = S_ISREG(status.st_mode);
  off_t size = 0;
  if (mode == Mode::kAppend && regular) {
    const Result<off_t> whole = size_of_whole_lines(fd.get(), status.st_size);
    if (!whole) return std::unexpected(whole.error());
    size = *whole;
    if ((size < status.st_size && ::ftruncate(fd.get(), size) != 0) || ::lseek(fd.get(), size, SEEK_SET) < 0)
      return std::unexpected(os::error_from(errno, "cut the torn last line"));
  }
  return std::unique_ptr<FileSink>(new FileSink(std::move(fd), regular, size == 0));
}

Result<> FileSink::write(std::span<const std::string> pieces) { return os::write_all(fd_.get(), pieces); }

Result<> FileSink::sync() {
  if (regular_ && ::fdatasync(fd_.get()) != 0) return std::unexpected(os::error_from(errno, "sync"));
  return {};
}

}  // namespace sonde::sinks
