// The target of a grpc module: "host:port", "host", or a URL whose path does not matter, as Go's net/url reads it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sonde::probes {

struct GrpcTarget {
  std::string host;  // without brackets; may be empty
  std::string port;  // digits; empty: that of the scheme which the module speaks
};

// The scheme says nothing: whether TLS is spoken is the module's. The error is Go's.
Parsed<GrpcTarget> read_grpc_target(std::string_view text);

}  // namespace sonde::probes
