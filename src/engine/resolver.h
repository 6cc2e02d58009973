// Names to addresses for one shard, asynchronously. Same thread as its shard.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "results/outcome.h"

namespace sonde::engine {

// Which addresses of a name are wanted. The preferring ones ask for the other family only where the first has none.
enum class IpVersion : std::uint8_t { k4, k6, kPrefer4, kPrefer6 };
inline constexpr std::array<std::string_view, 4> kIpVersionNames = {"4", "6", "prefer4", "prefer6"};

// Questions outstanding at one name server, of one shard, unless another number is given: what a server with the
// usual buffer (212,992 bytes, 768 a datagram) takes when all come at once.
inline constexpr std::uint32_t kOutstandingPerServer = 256;

inline constexpr std::size_t kMostAddresses = 8;  // of one name; what it has beyond them is left out

struct Resolved {
  ConnectionId id;
  IpAddress address;                                      // the first of `addresses`; unspecified when it failed
  results::Outcome outcome = results::Outcome::kSuccess;  // dns_error, timeout or local_error when it failed
  const char* error = "";                                 // a literal
  std::span<const IpAddress> addresses;                   // in order of preference
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // Asks for the addresses of `host`. The answer comes with take_answers(); one for an id that has moved on is the
  // caller's to ignore.
  // `wanted`: the families; nothing: those that the resolver was made for.
  virtual void resolve(ConnectionId id, std::string_view host, std::optional<IpVersion> wanted) = 0;
  void resolve(ConnectionId id, std::string_view host) { resolve(id, host, std::nullopt); }
  // No new questions now: the bound of outstanding ones is reached. One that is asked all the same waits its turn.
  virtual bool full() const = 0;
  // Activity on a descriptor that the resolver watches through the backend.
  virtual void on_descriptor(int fd, bool readable, bool writable) = 0;
  // Lets time pass: resends, gives up.
  virtual void on_time() = 0;
  // When on_time() should be called at the latest; kNever when nothing is outstanding.
  virtual Nanos next_time(Nanos now) const = 0;
  // Answers since the last call; valid until the next call of any member.
  virtual std::span<const Resolved> take_answers() = 0;
};

}  // namespace sonde::engine
