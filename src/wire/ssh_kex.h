// SSH_MSG_KEXINIT in its binary packet (RFC 4253, 6 and 7.1): what a server says behind its identification, in the
// clear. Names are as the server wrote them, comma-separated in each list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct SshKexinit {
  enum List : std::uint8_t {
    kKex,
    kHostKey,
    kCiphersToServer,
    kCiphersToClient,
    kMacsToServer,
    kMacsToClient,
    kCompressionToServer,
    kCompressionToClient,
    kLanguagesToServer,
    kLanguagesToClient,
    kLists,
  };
  std::array<std::string_view, kLists> lists;
};

class SshKexProcessor {
 public:
  using Frame = SshKexinit;
  static constexpr std::size_t kLimit = 8192;  // bytes of the packet; those of real servers have 1 to 2 KiB
  // Length and padding's length (5), type, cookie (16), ten empty lists, a boolean, a reserved word, four of padding.
  static constexpr std::size_t min_frame_size() { return 5 + 1 + 16 + 40 + 1 + 4 + 4; }
  ParseResult<SshKexinit> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
