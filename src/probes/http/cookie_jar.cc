#include "probes/http/cookie_jar.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ip_address.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

using wire::trimmed;

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), wire::lower);
  return out;
}

std::string_view path_of(const wire::Url& url) { return std::string_view(url.path).substr(0, url.path.find('?')); }

// RFC 6265, 5.1.4.
std::string default_path(const wire::Url& url) {
  const std::string_view path = path_of(url);
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

bool path_matches(std::string_view path, std::string_view cookie) {
  if (!path.starts_with(cookie)) return false;
  return path.size() == cookie.size() || cookie.ends_with('/') || path[cookie.size()] == '/';
}

// RFC 6265, 5.1.3: `domain` itself, or a name below it. An address has nothing below it.
bool domain_matches(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.' &&
         !parse_ip(host);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 ? c != '\t' : c == 0x7f; }

// RFC 6265, 5.2.2: zero or less. What is no number is no Max-Age.
std::optional<bool> ends_at_once(std::string_view max_age) {
  const bool negative = max_age.starts_with('-');
  const std::string_view digits = max_age.substr(negative ? 1 : 0);
  if (digits.empty() || !std::ranges::all_of(digits, wire::is_digit)) return std::nullopt;
  return negative || digits.find_first_not_of('0') == std::string_view::npos;
}

// Of an Expires date: servers delete by a date long gone, mostly of 1970. The year alone is looked at (RFC
// 6265, 5.1.1).
bool is_long_gone(std::string_view date) {
  while (!date.empty()) {
    const auto* const begin = std::ranges::find_if(date, wire::is_digit);
    const auto* const end = std::find_if_not(begin, date.end(), wire::is_digit);
    const std::string_view digits(begin, end);
    if (digits.size() == 4) return digits < "2000";
    // Behind the day of the month, "70" of "01-Jan-70".
    if (digits.size() == 2 && digits >= "70") return true;
    date = std::string_view(end, date.end());
  }
  return false;
}

}  // namespace

void CookieJar::set(const wire::Url& url, std::string_view header) {
  if (std::ranges::any_of(header, is_control)) return;
  std::string_view pair = header.substr(0, header.find(';'));
  std::string_view attributes = header.substr(pair.size());
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  Cookie cookie{.name = std::string(trimmed(pair.substr(0, equals))),
                .value = std::string(trimmed(pair.substr(equals + 1))),
                .domain = url.host,
                .path = default_path(url)};
  if (cookie.name.empty() || cookie.name.size() + cookie.value.size() > kMostBytes) return;
  std::string domain;
  bool expired = false;
  std::optional<bool> max_age;
  while (!attributes.empty()) {
    attributes.remove_prefix(1);
    const std::string_view attribute = attributes.substr(0, attributes.find(';'));
    attributes.remove_prefix(attribute.size());
    const std::size_t at = attribute.find('=');
    const std::string name = lower_case(trimmed(attribute.substr(0, at)));
    const std::string_view value =
        at == std::string_view::npos ? std::string_view() : trimmed(attribute.substr(at + 1));
    if (value.size() > kMostOfAttribute) continue;
    // The last of a name counts.
    if (name == "domain" && !value.empty()) domain = lower_case(value.substr(value.front() == '.' ? 1 : 0));
    if (name == "path") cookie.path = value.starts_with('/') ? std::string(value) : default_path(url);
    if (name == "secure") cookie.secure = true;
    if (name == "expires") expired = is_long_gone(value);
    if (name == "max-age")
      if (const std::optional<bool> ends = ends_at_once(value)) max_age = ends;
  }
  if (cookie.secure && url.scheme != "https") return;
  if (!domain.empty() && domain != url.host) {
    // One that is not ours, or a whole top-level domain: not taken (5.3, 5 and 6).
    if (!domain_matches(url.host, domain) || domain.find('.') == std::string::npos) return;
    cookie.domain = domain;
  }
  cookie.host_only = domain.empty() || domain.find('.') == std::string::npos;
  std::erase_if(cookies_, [&](const Cookie& other) {
    return other.name == cookie.name && other.domain == cookie.domain && other.path == cookie.path;
  });
  if (!max_age.value_or(expired) && cookies_.size() < kMost) cookies_.push_back(std::move(cookie));
}

std::string CookieJar::header_for(const wire::Url& url) const {
  std::vector<const Cookie*> fit;
  for (const Cookie& cookie : cookies_) {
    const bool host = cookie.host_only ? url.host == cookie.domain : domain_matches(url.host, cookie.domain);
    if (host && path_matches(path_of(url), cookie.path) && (!cookie.secure || url.scheme == "https"))
      fit.push_back(&cookie);
  }
  // Those of longer paths first, among equals the earlier one (5.4): they stand in that order in cookies_.
  std::ranges::sort(fit, [](const Cookie* a, const Cookie* b) {
    return std::make_pair(b->path.size(), a) < std::make_pair(a->path.size(), b);
  });
  std::string header;
  for (const Cookie* cookie : fit) header += (header.empty() ? "" : "; ") + cookie->name + '=' + cookie->value;
  return header;
}

}  // namespace sonde::probes
