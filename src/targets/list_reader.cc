#include "targets/list_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

namespace sonde::targets {

std::string overlong_error(std::string_view text) {
  return fmt::format("{} is too long for a line: at most {} bytes", quoted(text.substr(0, 60)), LineSplitter::kMaxLine);
}

Parsed<std::uint64_t> read_list(const std::string& path, const std::function<Parsed<>(const Line&)>& on_line) {
  const auto unreadable = [&] {
    return input_error(fmt::format("{}: cannot be read: {}", path, std::generic_category().message(errno)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unreadable();

  std::optional<InputError> bad;
  std::uint64_t lines = 0;
  const auto sink = [&](const Line& line) {
    ++lines;
    auto taken = line.overlong ? Parsed<>(input_error(overlong_error(line.text))) : on_line(line);
    if (taken) return true;
    bad = InputError{fmt::format("{}:{}: {}", path, line.number, taken.error().text)};
    return false;
  };

  // Plain reads, not mmap: the list may be a pipe, and a file that shrinks meanwhile must not be a SIGBUS.
  constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  LineSplitter splitter;
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.get(), kBufferBytes)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || !splitter.feed({buffer.get(), static_cast<std::size_t>(got)}, sink)) break;
  }
  if (got < 0) {
    auto error = unreadable();
    ::close(fd);
    return error;
  }
  ::close(fd);
  if (!bad) splitter.finish(sink);
  if (bad) return std::unexpected(std::move(*bad));
  return lines;
}

}  // namespace sonde::targets
