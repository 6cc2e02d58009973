// Addresses of the web, http and https alone (RFC 3986), read as leniently as browsers read them: blanks around are
// dropped, tabs and line ends anywhere, backslashes are slashes, what may not stand in a path is percent-encoded. So no
// part of a Url ever has a control character, a space or a byte beyond ASCII in it. An error says what is wrong without
// quoting the address; whoever shows it puts the address in front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sonde::wire {

inline constexpr std::size_t kUrlLimit = 8192;  // bytes that come in, and those of a path once it is encoded

struct Url {
  std::string scheme = "http";  // "http" or "https"
  std::string host;  // lower case, percent-decoded; IPv6 as in RFC 5952, without brackets; without a dot at its end
  std::uint16_t port = 80;
  std::string path = "/";  // "/a?b": begins with '/', dot segments resolved, the query with it; no fragment
  friend bool operator==(const Url&, const Url&) = default;
};

// An absolute address. User name and password in it are dropped.
Parsed<Url> parse_url(std::string_view text);

// What `reference` (of a Location header, of a link) means at `base` (RFC 3986, 5.2).
Parsed<Url> resolve_url(const Url& base, std::string_view reference);

std::string to_string(const Url& url);    // https://host:8443/a?b; the scheme's own port is left out
std::string host_header(const Url& url);  // host:8443, [::1]:8443; the scheme's own port is left out
std::uint16_t default_port(std::string_view scheme);
bool same_origin(const Url& a, const Url& b);  // scheme, host and port (RFC 6454)

}  // namespace sonde::wire
