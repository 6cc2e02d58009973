#include "targets/target_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "targets/input_text.h"
#include "targets/port_set.h"

namespace sonde::targets {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

// Parses one text; every error speaks of the whole of it.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Parsed<TargetExpression> run() {
    const std::size_t scheme = text_.find("://");
    const bool good = scheme != std::string_view::npos ? parse_url(scheme) : parse_plain(text_);
    if (good) return std::move(out_);
    return input_error(quoted(text_) + (is_binary(text_) ? " is not text: binary data where a target belongs" : why_));
  }

 private:
  bool fail(std::string why) {
    why_ = " " + std::move(why);
    return false;
  }

  bool parse_url(std::size_t scheme_end) {
    std::string scheme(text_.substr(0, scheme_end));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
    if (scheme != "http" && scheme != "https")
      return fail("has a scheme that is not probed: URLs begin with http:// or https://");
    std::string_view authority = text_.substr(scheme_end + 3);
    const std::size_t end = std::min(authority.find_first_of("/?#"), authority.size());
    const std::string_view rest = authority.substr(end);
    authority = authority.substr(0, end);
    if (authority.empty()) return fail("is a URL without a host: write https://host/");
    if (authority.find('@') != std::string_view::npos) return fail("has a user name in its URL: write https://host/");
    in_url_ = true;
    if (!parse_plain(authority)) return false;
    if (!out_.range.single()) return fail("is a URL of many hosts: write one for each, or the range with a port");
    out_.scheme = scheme == "https" ? Scheme::kHttps : Scheme::kHttp;
    if (out_.port == 0) out_.port = scheme == "https" ? 443 : 80;
    return parse_path(rest.substr(0, rest.find('#')));
  }

  // From the '/' or '?' behind the authority; may be empty.
  bool parse_path(std::string_view path) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    if (path.starts_with('?')) out_.path = "/";
    for (const char c : path) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= ' ' || byte == 0x7f) return fail("has a blank or a control character in its path: write it as %20");
      if (byte < 0x80) {
        out_.path += c;
      } else {  // as browsers do
        out_.path += {'%', kHex[byte >> 4], kHex[byte & 15]};
      }
    }
    if (out_.path.size() > TargetExpression::kMaxPath)
      return fail(fmt::format("has a path that is too long: at most {} bytes", TargetExpression::kMaxPath));
    if (out_.path == "/") out_.path.clear();
    return true;
  }

  // BODY, BODY:PORT, [BODY], [BODY]:PORT; a body with two colons or more is IPv6 and has no port.
  bool parse_plain(std::string_view text) {
    if (text.empty()) return fail("is no target: an address, CIDR, range, host name or URL belongs here");
    if (text.find_first_of(" \t,") != std::string_view::npos)
      return fail("is more than one target: write one a line, or as arguments of their own");
    std::string_view body = text, port;
    bool has_port = false;
    if (text.front() == '[') {
      const std::size_t close = text.find(']');
      if (close == std::string_view::npos) return fail("has no ']': write [2001:db8::1]:443");
      body = text.substr(1, close - 1);
      std::string_view rest = text.substr(close + 1);
      if (body.find(':') == std::string_view::npos) return fail("has no IPv6 address between '[' and ']'");
      has_port = !rest.empty();
      if (has_port && rest.front() != ':')
        return fail("has text behind ']': only a port may follow, as [2001:db8::1]:443");
      if (has_port) port = rest.substr(1);
    } else if (const std::size_t colon = text.find(':');
               colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
      body = text.substr(0, colon);
      port = text.substr(colon + 1);
      has_port = true;
    } else if (in_url_ && colon != std::string_view::npos) {
      return fail("is a URL with a bare IPv6 address: write https://[2001:db8::1]/");
    }
    if (has_port && (out_.port = parse_port(port)) == 0)
      return fail(fmt::format("has the port {}: ports are 1 to 65535", quoted(port)));
    return parse_body(body);
  }

  bool parse_body(std::string_view body) {
    if (const auto address = parse_ip(body)) {
      out_.range = {*address, *address};
      return true;
    }
    if (const std::size_t slash = body.find('/'); slash != std::string_view::npos)
      return parse_prefix(body.substr(0, slash), body.substr(slash + 1));
    if (const std::size_t dash = body.find('-'); dash != std::string_view::npos)
      if (const auto first = parse_ip(body.substr(0, dash))) return parse_range(*first, body.substr(dash + 1));
    if (body.find('%') != std::string_view::npos) return fail("has a zone: addresses are written without '%'");
    if (body.find(':') != std::string_view::npos)
      return fail("is not an IPv6 address: write 2001:db8::1, with a port [2001:db8::1]:443");
    return parse_name(body);
  }

  bool parse_prefix(std::string_view head, std::string_view tail) {
    const auto address = parse_ip(head);
    if (!address) {
      if (!head.empty() && head.find_first_not_of("0123456789.") == std::string_view::npos)
        return fail("is not a prefix: an IPv4 address has four numbers, 0 to 255, without leading zeros");
      return fail("is not a prefix: an address stands before the '/'; a URL begins with http:// or https://");
    }
    // ::ffff:10.0.0.0/104 is 10.0.0.0/8: its length is counted in IPv6 bits.
    const unsigned most = head.find(':') == std::string_view::npos ? 32 : 128;
    unsigned length = 0;
    const auto [end, failure] = std::from_chars(tail.data(), tail.data() + tail.size(), length);
    if (failure != std::errc{} || end != tail.data() + tail.size() || length > most)
      return fail(fmt::format("is not a prefix: the length after '/' must be 0 to {}", most));
    const U128 below = most == 32    ? (U128{1} << (32 - length)) - 1
                       : length == 0 ? ~U128{0}
                                     : (U128{1} << (128 - length)) - 1;
    const U128 bits = address->bits();
    out_.host_bits = (bits & below) != 0;
    out_.range = {IpAddress::v6(bits & ~below), IpAddress::v6(bits | below)};
    return true;
  }

  bool parse_range(const IpAddress& first, std::string_view tail) {
    auto last = parse_ip(tail);
    if (!last && first.is_v4() && !tail.empty() && tail.size() <= 3 &&
        std::all_of(tail.begin(), tail.end(), is_digit)) {
      unsigned octet = 0;  // 10.0.0.1-9 is 10.0.0.1-10.0.0.9
      std::from_chars(tail.data(), tail.data() + tail.size(), octet);
      if (octet <= 255) last = IpAddress::v4((first.v4_bits() & 0xffffff00) | octet);
    }
    if (!last) return fail("is not a range: write 10.0.0.1-10.0.0.9, 10.0.0.1-9 or 2001:db8::1-2001:db8::9");
    if (first.is_v4() != last->is_v4()) return fail("is not a range: one end is IPv4, the other IPv6");
    if (*last < first) return fail("is not a range: the lower address comes first");
    out_.range = {first, *last};
    return true;
  }

  // RFC 1123 2.1: labels of letters, digits and inner hyphens, 1 to 63 characters, 253 in all. A last label of digits
  // alone would be an address (there is no such top-level domain: RFC 3696 2).
  bool parse_name(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    if (name.empty()) return fail("has no host: write host.example or host.example:443");
    const std::string_view last_label = name.substr(name.rfind('.') + 1);
    if (!last_label.empty() && std::all_of(last_label.begin(), last_label.end(), is_digit))
      return fail("is not an IPv4 address: four numbers, 0 to 255, without leading zeros");
    if (name.size() > 253) return fail("is not a host name: at most 253 characters");
    std::size_t label = 0;
    for (std::size_t i = 0; i <= name.size(); ++i) {
      if (i < name.size() && name[i] != '.') {
        if (static_cast<unsigned char>(name[i]) >= 0x80)
          return fail("is not a host name: write international names in their xn-- form");
        if (!is_alnum(name[i]) && name[i] != '-')
          return fail("is not a host name: letters, digits, '-' and '.' only; nor an address, CIDR or range");
        continue;
      }
      if (i == label || i - label > 63) return fail("is not a host name: a label has 1 to 63 characters");
      if (name[label] == '-' || name[i - 1] == '-') return fail("is not a host name: no label begins or ends with '-'");
      label = i + 1;
    }
    out_.host.assign(name);
    std::transform(out_.host.begin(), out_.host.end(), out_.host.begin(), lower);
    return true;
  }

  std::string_view text_;
  TargetExpression out_;
  std::string why_;
  bool in_url_ = false;
};

}  // namespace

Parsed<TargetExpression> parse_target(std::string_view text) { return Parser(text).run(); }

}  // namespace sonde::targets
