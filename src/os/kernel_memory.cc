#include "os/kernel_memory.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace sonde::os {
namespace {

// The number behind `key`.
std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  return std::strtoull(text.data() + at + key.size(), nullptr, 10);  // the text is a std::string's: it ends with NUL
}

}  // namespace

KernelMemory kernel_memory() {
  const Result<std::string> meminfo = read_file("/proc/meminfo", 65536);
  const Result<std::string> sockstat = read_file("/proc/net/sockstat", 65536);
  if (!meminfo || !sockstat) return {};
  const auto slab_kb = number_behind(*meminfo, "\nSlab:");
  const std::size_t tcp = sockstat->find("TCP:");
  if (!slab_kb || tcp == std::string::npos) return {};
  const std::string line = sockstat->substr(tcp, sockstat->find('\n', tcp) - tcp);
  const auto pages = number_behind(line, " mem ");
  const auto allocated = number_behind(line, " alloc ");
  if (!pages || !allocated) return {};
  return {.slab_bytes = *slab_kb * 1024,
          .buffer_bytes = *pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
          .sockets = *allocated,
          .known = true};
}

}  // namespace sonde::os
