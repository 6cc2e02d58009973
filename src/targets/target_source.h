// Where targets come from, one batch at a time. Thread-safe: shards call take() concurrently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"

namespace sonde::targets {

// Of a target that was a URL.
enum class Scheme : std::uint8_t { kNone, kHttp, kHttps };
constexpr std::string_view name(Scheme scheme) {
  return scheme == Scheme::kHttp ? "http" : scheme == Scheme::kHttps ? "https" : "";
}

// One thing to probe. `position` is its place in this shard's order (0, 1, 2, …), the unit of checkpoints.
struct Target {
  std::uint64_t position = 0;
  Endpoint endpoint;  // address unspecified while only a name is known
  std::string host;   // empty for a bare address
  std::string path;   // of a target that was a URL, from its '/' on; else empty
  Scheme scheme = Scheme::kNone;
  bool blocked = false;  // a named target that is excluded: gets a `blocked` record, is never touched
};

class TargetSource {
 public:
  virtual ~TargetSource() = default;
  // Fills up to out.size() targets (reusing their strings) and returns how many; never blocks. 0: none right now.
  virtual std::size_t take(std::span<Target> out) = 0;
  // After take() gave none: when to look again. kNever: who has more rings the shard's doorbell.
  virtual Nanos next_time(Nanos now) const { return now + 5 * kMillisecond; }
  // True when take() will never give another one.
  virtual bool exhausted() const = 0;
  // (address, port) pairs of this shard in all, --max-targets counted in; nothing while unknown (a stream).
  virtual std::optional<std::uint64_t> total() const = 0;
  // Every position below it was given out by take(), was done before this run (resume), or is one of append_pending().
  // It moves before take() returns: read cursor() and append_pending() first, then what each shard has in flight while
  // that shard is not inside take(), and nothing is missed.
  virtual std::uint64_t cursor() const = 0;
  // Appends the positions below cursor() that a resume brought along and take() has not given out.
  virtual void append_pending(std::vector<std::uint64_t>& out) const { (void)out; }
  // Lines that were not targets (streams only: files are checked before anything is sent).
  virtual std::uint64_t lines_invalid() const { return 0; }
};

}  // namespace sonde::targets
