#include "probes/check/http_target.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/ip_address.h"
#include "results/escape.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kShown = 200;  // bytes of a URL in a text

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && text.size() - i > 2 && wire::hex_value(text[i + 1]) >= 0 && wire::hex_value(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(wire::hex_value(text[i + 1]) << 4 | wire::hex_value(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

// Go's: of a path these stay as they are, whatever else is in it (net/url, shouldEscape of encodePath).
bool stays_in_path(char c) {
  return wire::is_letter(c) || wire::is_digit(c) || std::string_view("-_.~$&+,/:;=@").find(c) != std::string_view::npos;
}
bool is_written_so(char c) {
  return stays_in_path(c) || std::string_view("%!'()*[]").find(c) != std::string_view::npos;
}

bool escapes_are_whole(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3))
    if (text.size() - at < 3 || wire::hex_value(text[at + 1]) < 0 || wire::hex_value(text[at + 2]) < 0) return false;
  return true;
}

// URL.EscapedPath: as it was written, where that can be sent; else all of it is written anew.
std::string go_path(std::string_view path) {
  if (path.empty()) return "/";
  if (std::ranges::all_of(path, is_written_so)) return std::string(path);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : percent_decoded(path)) {
    const auto byte = static_cast<unsigned char>(c);
    if (stays_in_path(c))
      out += c;
    else
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

// The authority as wire::parse_url takes it: Go's last colon ends an IPv6 address without brackets too, and its ports
// are any digits.
std::string read_authority(std::string_view text, bool& no_port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos) return std::string(text);
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  if (!std::ranges::all_of(port, wire::is_digit)) return std::string(text);
  const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[') && parse_ip(host);
  std::uint32_t number = 0;
  for (const char digit : port) number = std::min(number * 10 + static_cast<std::uint32_t>(digit - '0'), 65536U);
  no_port = !port.empty() && (number == 0 || number > 65535);
  std::string out = bare_v6 ? "[" + std::string(host) + "]" : std::string(host);
  if (!no_port) out.append(":").append(port);
  return out;
}

}  // namespace

std::string basic_credentials(std::string_view user, std::string_view password) {
  std::string both(user);
  both.append(":").append(password);
  std::string text((both.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(both.data()), static_cast<int>(both.size()));
  text.resize(static_cast<std::size_t>(size));
  return "Basic " + text;
}

Parsed<HttpTarget> read_http_target(std::string_view text) {
  const auto fault = [](std::string_view url, std::string_view what) {
    return input_error("'" + results::escaped(url.substr(0, kShown)) + "': " + std::string(what));
  };
  std::string whole(text);
  if (!text.starts_with("http://") && !text.starts_with("https://")) whole.insert(0, "http://");
  const std::size_t begin = whole.find("://") + 3;
  const std::size_t end = std::min(whole.find_first_of("/?#\\", begin), whole.size());
  HttpTarget target;
  const std::string_view authority = std::string_view(whole).substr(begin, end - begin);
  const std::size_t at = authority.rfind('@');
  const std::size_t user_size = at == std::string_view::npos ? 0 : at + 1;
  target.host = authority.substr(user_size);
  if (user_size > 0) {
    const std::string_view user = authority.substr(0, at);
    const std::size_t colon = std::min(user.find(':'), user.size());
    target.authorization = basic_credentials(percent_decoded(user.substr(0, colon)),
                                             percent_decoded(user.substr(std::min(colon + 1, user.size()))));
    whole.erase(begin, user_size);
  }
  whole.replace(begin, target.host.size(), read_authority(target.host, target.no_port));
  if (std::ranges::any_of(whole, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return fault(whole, "it has a control character in it");
  Parsed<wire::Url> url = wire::parse_url(whole);
  if (!url) return fault(whole, url.error().text);
  target.url = std::move(*url);
  std::string_view behind = std::string_view(whole).substr(std::min(whole.find_first_of("/?#\\", begin), whole.size()));
  const std::size_t hash = std::min(behind.find('#'), behind.size());
  const std::string_view path = behind.substr(0, std::min(behind.find('?'), hash));
  if (!escapes_are_whole(path) || !escapes_are_whole(behind.substr(hash)))
    return fault(whole, "a % without two hexadecimal digits behind it");
  if (!path.starts_with('\\')) {
    const std::size_t query = std::min(target.url.path.find('?'), target.url.path.size());
    target.url.path.replace(0, query, go_path(path));
    if (target.url.path.size() > wire::kUrlLimit)
      return fault(whole, "the path is longer than 8 KiB once it is encoded");
  }
  const bool plain = std::ranges::all_of(target.host, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) target.host = wire::host_header(target.url);
  return target;
}

}  // namespace sonde::probes
