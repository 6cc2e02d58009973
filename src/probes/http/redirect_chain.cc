#include "probes/http/redirect_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "results/escape.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kShown = 200;  // bytes of an address in a text

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [name](std::string_view other) { return wire::equal_fold(name, other); });
}

}  // namespace

// The same request once more can only have the same answer.
std::string RedirectChain::state_of(const HttpTurn& turn) const {
  return fmt::format("{} {} {}", turn.method, wire::to_string(turn.url), jar_.header_for(turn.url));
}

Parsed<HttpTurn> RedirectChain::next(const HttpTurn& asked, const HttpAnswer& answer, std::string_view location,
                                     std::uint32_t most) {
  wire::for_each_header(answer.head(), [&](std::string_view name, std::string_view value) {
    if (wire::equal_fold(name, "set-cookie")) jar_.set(asked.url, value);
  });
  Parsed<wire::Url> url = wire::resolve_url(asked.url, location);
  if (!url)
    return input_error(
        fmt::format("redirected to '{}': {}", results::escaped(location.substr(0, kShown)), url.error().text));
  if (count_ == most) return input_error(fmt::format("more than {} redirect{}", most, most == 1 ? "" : "s"));
  HttpTurn turn{.url = std::move(*url), .method = asked.method, .sends_body = asked.sends_body};
  // RFC 9110, 15.4.
  const std::uint16_t status = answer.status();
  if ((status == 303 && turn.method != "HEAD") || ((status == 301 || status == 302) && turn.method == "POST")) {
    turn.method = "GET";
    turn.sends_body = false;
  }
  std::string state = state_of(turn);
  if (std::ranges::find(seen_, state) != seen_.end())
    return input_error(fmt::format("the redirects go round in a circle, at {}",
                                   results::escaped(wire::to_string(turn.url).substr(0, kShown))));
  seen_.push_back(std::move(state));
  return turn;
}

void RedirectChain::note(std::string_view entry) {
  if (++count_ > 1) entries_ += ',';
  entries_ += entry;
}

std::span<const wire::HttpHeader> RedirectChain::headers_for(const wire::Url& url,
                                                             std::span<const wire::HttpHeader> headers) {
  headers_.clear();
  const bool same_origin = wire::same_origin(url, first_);
  for (const wire::HttpHeader& header : headers) {
    if (!same_origin && is_one_of(header.name, {"authorization", "cookie", "proxy-authorization"})) continue;
    if (url.host != first_.host && wire::equal_fold(header.name, "host")) continue;
    headers_.push_back(header);
  }
  const std::string cookies = jar_.header_for(url);
  if (cookies.empty()) return headers_;
  const auto own = std::ranges::find_if(
      headers_, [](const auto& header) { return wire::equal_fold(header.name, "cookie") && !header.value.empty(); });
  if (own != headers_.end()) {
    own->value += "; " + cookies;
  } else {
    headers_.push_back({.name = "Cookie", .value = cookies});
  }
  return headers_;
}

}  // namespace sonde::probes
