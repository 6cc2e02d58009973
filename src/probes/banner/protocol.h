// Which protocol a banner is of, and whether it is whole: judged from all bytes that came so far, so that any cutting
// of them gives the same. Stateless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sonde::probes {

struct Banner {
  std::string_view protocol = "unknown";  // the contract's names
  std::size_t whole = 0;                  // bytes up to the end of the frame; 0: not whole (yet, or no such protocol)
  bool begun = false;                     // a frame of that protocol is there, but its end is not
  std::string_view product;               // what the server says it is; borrowed from the bytes
};

// port: breaks the tie of words that protocols share ("220 ready" of smtp and ftp, "-ERR" of redis and pop3).
Banner identify(std::span<const std::byte> bytes, std::uint16_t port);

}  // namespace sonde::probes
