#include "x509/host_match.h"

#include <algorithm>
#include <string>

#include "base/ip_address.h"

namespace sonde::x509 {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035 2.3.4, without the trailing dot

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_name_character(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view without_trailing_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// Labels of name characters, none empty.
bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name.front() == '.' || name.back() == '.') return false;
  char previous = 0;
  for (const char c : name) {
    if (c == '.' ? previous == '.' : !is_name_character(c)) return false;
    previous = c;
  }
  return true;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

bool dns_name_matches(std::string_view pattern, std::string_view host) {
  pattern = without_trailing_dot(pattern);
  host = without_trailing_dot(host);
  if (!is_plain_name(host)) return false;
  if (!pattern.starts_with("*.")) return is_plain_name(pattern) && same_name(pattern, host);
  const std::string_view parent = pattern.substr(2);
  if (!is_plain_name(parent) || !parent.contains('.')) return false;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && same_name(parent, host.substr(dot + 1));
}

bool host_matches(const Certificate& certificate, std::string_view host) {
  // With its dot, too, an address is an address: no dNSName speaks for it.
  const auto address = parse_ip(without_trailing_dot(host));
  const std::string text = address ? to_string(*address) : std::string();
  return std::ranges::any_of(certificate.alt_names, [&](const AltName& name) {
    if (address) return name.kind == AltName::Kind::kIp && name.text == text;
    return name.kind == AltName::Kind::kDns && dns_name_matches(name.text, host);
  });
}

}  // namespace sonde::x509
