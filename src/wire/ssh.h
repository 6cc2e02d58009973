// The SSH identification string (RFC 4253, 4.2): "SSH-protoversion-softwareversion SP comments CR LF", at most 255
// bytes. Other lines may come before it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct SshIdentification {
  std::string_view line;      // without its end
  std::string_view protocol;  // "2.0", "1.99"
  std::string_view software;  // "OpenSSH_9.2p1"
  std::string_view comments;  // may be empty
};

class SshProcessor {
 public:
  using Frame = SshIdentification;
  static constexpr std::size_t kLineLimit = 255;
  static constexpr std::size_t kLimit = 8192;                  // of all that comes before and the identification
  static constexpr std::size_t min_frame_size() { return 8; }  // "SSH-2-x\n"
  ParseResult<SshIdentification> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
