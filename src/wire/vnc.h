// VNC's ProtocolVersion (RFC 6143, 7.1.1), with which a server begins: "RFB 003.008\n".
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct VncVersion {
  std::string_view version;  // "003.008"
};

class VncProcessor {
 public:
  using Frame = VncVersion;
  static constexpr std::size_t min_frame_size() { return 12; }
  ParseResult<VncVersion> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
