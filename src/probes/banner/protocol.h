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
  std::string_view product;               // what the server says it is; borrowed from the bytes
};

// asked: the HTTP hello was sent before any byte came. port: breaks the tie of greetings that smtp and ftp share.
Banner identify(std::span<const std::byte> bytes, bool asked, std::uint16_t port);

}  // namespace sonde::probes
