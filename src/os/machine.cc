#include "os/machine.h"

#include <dirent.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace sonde::os {
namespace {

Nanos read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<Nanos>(now.tv_sec) * kSecond + now.tv_nsec;
}

// A number of /proc/self/status; 0 where that is hidden.
std::uint64_t status_number(std::string_view key) {
  const Result<std::string> status = read_file("/proc/self/status", 65536);
  const std::size_t at = status ? status->find(key) : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull(status->c_str() + at + key.size(), nullptr, 10);
}

}  // namespace

Nanos monotonic_now() { return read_clock(CLOCK_MONOTONIC); }
Nanos unix_now() { return read_clock(CLOCK_REALTIME); }

std::uint32_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::uint64_t open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 16;  // a cautious guess where /proc is hidden
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(directory))  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') ++count;
  closedir(directory);
  return count - 1;  // without the directory's own
}

bool own_descriptor_table() { return unshare(CLONE_FILES) == 0; }

std::uint64_t rss_peak_kb() {
  return status_number("\nVmHWM:");
}  // not ru_maxrss: that one remembers the process
   // that started this one, from before its exec

std::uint64_t rss_kb() { return status_number("\nVmRSS:"); }

Nanos cpu_used() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<std::uint64_t>(unix_now());
  return seed;
}

}  // namespace sonde::os
