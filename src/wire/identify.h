// Which protocol the first bytes of a peer are of, and whether they are whole: judged from all that came so far, so
// that any cutting of them gives the same. Stateless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sonde::wire {

struct Identified {
  std::string_view protocol = "unknown";  // the contract's names
  std::size_t whole = 0;                  // bytes up to the end of the frame; 0: not whole (yet, or no such protocol)
  bool begun = false;                     // a frame is there (of no protocol yet, maybe), but its end is not
  std::string_view product;               // what the server says it is, borrowed from the bytes; may be empty
  std::string_view version;               // of the product, or of TLS, where told apart; borrowed or a literal
  std::string_view answer;                // how it answered, a literal: mqtt's "not_authorized", rdp's "credssp"

  bool named() const { return protocol != "unknown"; }
};

// port: breaks the tie of words that protocols share ("220 ready" of smtp and ftp, "-ERR" of redis and pop3).
// Once a part of the bytes is whole, so are all of them, with the same of everything.
Identified identify(std::span<const std::byte> bytes, std::uint16_t port);

}  // namespace sonde::wire
