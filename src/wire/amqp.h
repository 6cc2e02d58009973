// What an AMQP 0-9-1 server says to the protocol header: Connection.Start (AMQP 0-9-1, 2.3.5 and 4.2), with its name
// and version in the server-properties; or the header of the version that it would rather hear (2.2.4), as servers of
// AMQP 1.0 do.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct AmqpAnswer {
  bool started = false;      // false: a header of another version
  std::string_view product;  // "RabbitMQ"; may be empty
  std::string_view version;  // "3.10.8"; may be empty
};

class AmqpProcessor {
 public:
  using Frame = AmqpAnswer;
  static constexpr std::size_t kLimit = 8192;                  // bytes of the frame
  static constexpr std::size_t min_frame_size() { return 8; }  // a header
  ParseResult<AmqpAnswer> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
