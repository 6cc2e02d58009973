#include "wire/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/ip_address.h"
#include "wire/ascii.h"

namespace sonde::wire {
namespace {

constexpr std::size_t kHostLimit = 253;  // RFC 1035, 2.3.4, as text

bool is_slash(char c) { return c == '/' || c == '\\'; }

// Without control characters and spaces at both ends, and without tabs and line ends (WHATWG URL, 4.4).
std::string stripped(std::string_view text) {
  const auto is_edge = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
  std::string clean(text);
  std::erase_if(clean, [](char c) { return c == '\t' || c == '\r' || c == '\n'; });
  return clean;
}

// "scheme:" at the front, without the colon; empty when there is none (RFC 3986, 3.1).
std::string_view scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_letter(text.front())) return {};
  const std::string_view scheme = text.substr(0, colon);
  const bool allowed = std::ranges::all_of(
      scheme, [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
  return allowed ? scheme : std::string_view();
}

std::string_view without_slashes(std::string_view text) {
  while (!text.empty() && is_slash(text.front())) text.remove_prefix(1);
  return text;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && text.size() - i > 2 && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    decoded += escape ? static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return decoded;
}

// What browsers encode (WHATWG URL, 1.3): in a path `encoded` is `"<>`{}`, in a query `"<>'`.
void append_encoded(std::string& out, std::string_view text, std::string_view encoded) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && encoded.find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
}

// "." and "..", their dots encoded or not: 1 and 2; else 0.
int dots_of(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    const bool encoded = segment.size() >= 3 && equal_fold(segment.substr(0, 3), "%2e");
    if ((!encoded && segment.front() != '.') || ++dots > 2) return 0;
    segment.remove_prefix(encoded ? 3 : 1);
  }
  return dots;
}

// An absolute path without its query, dot segments resolved (RFC 3986, 5.2.4).
std::string clean_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find_first_of("/\\"), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const int dots = dots_of(segment);
    if (dots == 2) out.resize(out.empty() ? 0 : out.rfind('/'));
    if (dots == 0) {
      out += '/';
      append_encoded(out, segment, "\"<>`{}");
    } else if (path.empty()) {
      out += '/';
    }
  }
  return out.empty() ? "/" : out;
}

// `rest` begins with a slash, or with what follows the path.
Parsed<std::string> path_and_query(std::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  const std::size_t query = std::min(rest.find('?'), rest.size());
  std::string path = clean_path(rest.substr(0, query));
  if (query < rest.size()) {
    path += '?';
    append_encoded(path, rest.substr(query + 1), "\"<>'");
  }
  if (path.size() > kUrlLimit) return input_error("the path is longer than 8 KiB once it is encoded");
  return path;
}

Parsed<std::string> bracketed_host(std::string_view text) {
  const auto address = parse_ip(text);
  if (!address || text.find(':') == std::string_view::npos)
    return input_error("between [ and ] an IPv6 address is expected, without a zone");
  return to_string(*address);
}

Parsed<std::string> named_host(std::string_view text) {
  std::string host = percent_decoded(text);
  for (char& c : host) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x7f) return input_error("the host is not ASCII: write an international name in Punycode, as xn--…");
    constexpr std::string_view kForbidden = "\"#%/:<>?@[\\]^`{|}";
    if (byte <= ' ' || byte == 0x7f || kForbidden.find(c) != std::string_view::npos)
      return input_error("the host has a character in it that no host name has");
    c = lower(c);
  }
  if (host.ends_with('.')) host.pop_back();
  if (host.empty()) return input_error("it names no host");
  if (host.front() == '.' || host.back() == '.' || host.find("..") != std::string::npos)
    return input_error("the host has an empty label in it");
  if (host.size() > kHostLimit) return input_error("the host is longer than 253 bytes");
  // A last label that is a number makes it an address (WHATWG URL, 3.5); old notations of these are not taken.
  const std::string_view last = std::string_view(host).substr(host.rfind('.') + 1);
  const bool hexadecimal =
      last.starts_with("0x") && std::ranges::all_of(last.substr(2), [](char c) { return hex_value(c) >= 0; });
  const bool is_address = hexadecimal || std::ranges::all_of(last, is_digit);
  if (is_address && !parse_ip(host)) return input_error("the host is neither a name nor an IPv4 address as 192.0.2.1");
  return host;
}

Parsed<std::uint16_t> parse_port(std::string_view digits, std::uint16_t fallback) {
  if (digits.empty()) return fallback;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
    return input_error("a port is a number from 1 to 65535");
  return port;
}

// `rest` begins with the host, or with the user name before it.
Parsed<Url> parse_authority(std::string_view scheme, std::string_view rest) {
  const std::size_t end = std::min(rest.find_first_of("/\\?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::string_view port;
  Parsed<std::string> host;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return input_error("the ] behind the IPv6 address is missing");
    host = bracketed_host(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return input_error("behind ] nothing but a port may follow");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    host = named_host(authority.substr(0, colon));
    if (colon < authority.size()) port = authority.substr(colon + 1);
  }
  if (!host) return std::unexpected(host.error());
  const auto number = parse_port(port, default_port(scheme));
  if (!number) return std::unexpected(number.error());
  auto path = path_and_query(rest.substr(end));
  if (!path) return std::unexpected(path.error());
  return Url{.scheme = std::string(scheme), .host = *std::move(host), .port = *number, .path = *std::move(path)};
}

// "http" or "https" in lower case.
Parsed<std::string_view> known_scheme(std::string_view scheme) {
  for (const std::string_view known : {"http", "https"})
    if (equal_fold(scheme, known)) return known;
  return input_error(fmt::format("the scheme '{}' is neither http nor https", scheme.substr(0, 40)));
}

Parsed<Url> with_path(const Url& base, std::string_view rest) {
  auto path = path_and_query(rest);
  if (!path) return std::unexpected(path.error());
  Url url = base;
  url.path = *std::move(path);
  return url;
}

// RFC 3986, 5.2.2, for a reference without a scheme.
Parsed<Url> resolve_relative(const Url& base, std::string_view reference) {
  if (reference.empty() || reference.front() == '#') return base;
  if (is_slash(reference[0])) {
    const bool names_host = reference.size() > 1 && is_slash(reference[1]);
    return names_host ? parse_authority(base.scheme, without_slashes(reference)) : with_path(base, reference);
  }
  std::string_view directory = std::string_view(base.path).substr(0, base.path.find('?'));
  if (reference.front() != '?') directory = directory.substr(0, directory.rfind('/') + 1);
  return with_path(base, std::string(directory).append(reference));
}

}  // namespace

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Parsed<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlLimit) return input_error("it is longer than 8 KiB");
  const std::string clean = stripped(text);
  const std::string_view scheme = clean.empty() ? std::string_view() : scheme_of(clean);
  if (scheme.empty()) return input_error("it does not begin with http:// or https://");
  const auto known = known_scheme(scheme);
  if (!known) return std::unexpected(known.error());
  return parse_authority(*known, without_slashes(std::string_view(clean).substr(scheme.size() + 1)));
}

Parsed<Url> resolve_url(const Url& base, std::string_view reference) {
  if (reference.size() > kUrlLimit) return input_error("it is longer than 8 KiB");
  const std::string clean = stripped(reference);
  const std::string_view scheme = clean.empty() ? std::string_view() : scheme_of(clean);
  if (scheme.empty()) return resolve_relative(base, clean);
  const auto known = known_scheme(scheme);
  if (!known) return std::unexpected(known.error());
  // "http:a" is relative where http is the base's scheme, as in browsers.
  const std::string_view rest = std::string_view(clean).substr(scheme.size() + 1);
  const bool names_host = rest.size() > 1 && is_slash(rest[0]) && is_slash(rest[1]);
  if (*known == base.scheme && !names_host) return resolve_relative(base, rest);
  return parse_authority(*known, without_slashes(rest));
}

std::string host_header(const Url& url) {
  const bool bracketed = url.host.find(':') != std::string::npos;
  std::string text = bracketed ? fmt::format("[{}]", url.host) : url.host;
  if (url.port != default_port(url.scheme)) text += fmt::format(":{}", url.port);
  return text;
}

std::string to_string(const Url& url) { return fmt::format("{}://{}{}", url.scheme, host_header(url), url.path); }

bool same_origin(const Url& a, const Url& b) { return a.scheme == b.scheme && a.host == b.host && a.port == b.port; }

}  // namespace sonde::wire
