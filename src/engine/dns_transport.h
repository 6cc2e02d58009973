// The seam under the caching resolver: one question to one name server, one reply. What is asked, of whom, how often
// and for how long is decided above it. Same thread as its shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "wire/dns_name.h"

namespace sonde::engine {

// Names a question of a look-up; one that has been left behind by then names nothing.
struct DnsTicket {
  std::uint32_t lookup = 0;
  std::uint32_t round = 0;
};

enum class DnsDelivery : std::uint8_t {
  kAnswered,     // `message` is what came, of any rcode
  kSilent,       // nothing came within the transport's time
  kUnreachable,  // refused by its host, no route, no socket to ask with
};

struct DnsReply {
  DnsTicket ticket;
  std::uint32_t server = 0;
  DnsDelivery delivery = DnsDelivery::kSilent;
  std::span<const std::byte> message;
};

class DnsTransport {
 public:
  virtual ~DnsTransport() = default;
  virtual std::uint32_t servers() const = 0;  // at least one
  // Each is replied to exactly once, within the transport's time; never from within this call.
  virtual void ask(DnsTicket ticket, std::uint32_t server, const wire::DnsName& name, std::uint16_t type) = 0;
  virtual void on_descriptor(int fd, bool readable, bool writable) = 0;
  virtual void on_time(Nanos now) = 0;
  // As of Resolver.
  virtual Nanos next_time(Nanos now) const = 0;
  // Valid until the next call of any member.
  virtual std::span<const DnsReply> take_replies() = 0;
};

}  // namespace sonde::engine
