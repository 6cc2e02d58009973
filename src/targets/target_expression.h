// The text of one target, parsed: an address, a CIDR, a range, a host name, each with a port of its own or none, or an
// http(s) URL. Stateless; no allocation for anything but long names and paths.
//
//   10.0.0.1  10.0.0.0/24  10.0.0.1-10.0.0.9  10.0.0.1-9  host.example  2001:db8::1  2001:db8::/64
//   10.0.0.1:80  10.0.0.0/24:80  10.0.0.1-9:80  host.example:80  [2001:db8::1]:80  [2001:db8::/64]:80
//   https://host.example/path?query (port 443)  http://[2001:db8::1]:8080/ (port 8080)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "targets/cidr_set.h"
#include "targets/target_source.h"

namespace sonde::targets {

struct TargetExpression {
  static constexpr std::size_t kMaxPath = 2048;

  AddressRange range;             // when `host` is empty
  std::string host;               // lower case, without a trailing dot
  std::uint16_t port = 0;         // its own (a URL always has one), 0 when it names none
  Scheme scheme = Scheme::kNone;  // of a URL, which is of one host
  // Of a URL, from its '/' on, without its fragment; empty for "/" alone. Printable ASCII without blanks: bytes beyond
  // it are percent-encoded. At most kMaxPath bytes.
  std::string path;
  bool host_bits = false;  // a CIDR whose address had bits behind its length: `range` is the whole prefix
  bool is_name() const { return !host.empty(); }
};

// The error is one line that quotes the text and says what would be right.
Parsed<TargetExpression> parse_target(std::string_view text);

}  // namespace sonde::targets
