// Names to addresses for one shard, asynchronously. Same thread as its shard.
#pragma once

#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "results/outcome.h"

namespace sonde::engine {

struct Resolved {
  ConnectionId id;
  IpAddress address;                                      // unspecified when it failed
  results::Outcome outcome = results::Outcome::kSuccess;  // dns_error, timeout or local_error when it failed
  const char* error = "";                                 // a literal
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // Asks for the first IPv4 address of `host`, or its first IPv6 one when it has none. The answer comes with
  // take_answers(); one for an id that has moved on is the caller's to ignore.
  virtual void resolve(ConnectionId id, std::string_view host) = 0;
  // No more questions now: the bound of outstanding ones is reached.
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
