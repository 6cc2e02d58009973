#include "probes/check/grpc_target.h"

#include <algorithm>

#include "results/escape.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

// What may stand in a host beside letters and digits (RFC 3986, 3.2.2), and what Go lets through besides.
bool is_of_host(char c) {
  constexpr std::string_view kSigns = "-_.~!$&'()*+,;=:[]<>\"";
  return wire::is_letter(c) || wire::is_digit(c) || kSigns.find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Parsed<GrpcTarget> read_grpc_target(std::string_view text) {
  const bool is_url = text.starts_with("http://") || text.starts_with("https://");
  const auto fault = [&](const std::string& what) {
    return input_error("parse \"" + std::string(is_url ? "" : "http://") + results::escaped(text) + "\": " + what);
  };
  if (std::ranges::any_of(text, is_control)) return fault("net/url: invalid control character in URL");
  std::string_view host = is_url ? text.substr(text.find("//") + 2) : text;
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  for (const char c : host)
    if (!is_of_host(c)) return fault("invalid character \"" + std::string(1, c) + "\" in host name");

  const bool bracketed = host.starts_with('[');
  const std::size_t end = bracketed ? host.rfind(']') : host.rfind(':');
  if (bracketed && end == std::string_view::npos) return fault("missing ']' in host");
  const std::string_view tail = end == std::string_view::npos ? "" : host.substr(bracketed ? end + 1 : end);
  if (!tail.empty() && (!tail.starts_with(':') || !std::ranges::all_of(tail.substr(1), wire::is_digit)))
    return fault("invalid port \"" + std::string(tail) + "\" after host");
  if (bracketed)
    return GrpcTarget{std::string(host.substr(1, end - 1)), std::string(tail.substr(tail.empty() ? 0 : 1))};
  // Two colons and no brackets: an address of IPv6 alone.
  if (host.find(':') != end) return GrpcTarget{std::string(host), {}};
  return GrpcTarget{std::string(host.substr(0, end)), std::string(tail.substr(tail.empty() ? 0 : 1))};
}

}  // namespace sonde::probes
