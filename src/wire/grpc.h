// What a client of gRPC's health service (grpc.health.v1) needs of gRPC: messages behind a prefix of five octets in the
// DATA of a stream (gRPC over HTTP/2, "Length-Prefixed-Message"), and the one field of each of the two messages
// (protocol buffers, "Encoding").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

inline constexpr std::size_t kGrpcMessageMax = std::size_t{64} << 10;  // bytes of one message; a health answer has 2

struct GrpcMessage {
  bool compressed = false;
  std::span<const std::byte> bytes;
};

class GrpcMessageProcessor {
 public:
  using Frame = GrpcMessage;
  static constexpr std::size_t min_frame_size() { return 5; }
  // Fails on a message of more than kGrpcMessageMax bytes.
  ParseResult<Frame> parse(std::span<const std::byte> bytes) const;
};

// A HealthCheckRequest behind its prefix; an empty service asks for the server as a whole.
std::string grpc_health_request(std::string_view service);

// The status of a HealthCheckResponse: 1 is SERVING; 0 where it says none; any number is allowed, fields that are not
// known are passed over. Nothing where the bytes are no message.
std::optional<std::int32_t> read_health_status(std::span<const std::byte> message);

// "SERVING", "9": as the numbers of ServingStatus are called.
std::string serving_status_name(std::int32_t status);

// Text of a grpc-message header, its %XX decoded.
std::string decode_grpc_message(std::string_view text);

// "NOT_FOUND"; "17" of a number that has no name.
std::string grpc_code_name(std::uint32_t code);

}  // namespace sonde::wire
