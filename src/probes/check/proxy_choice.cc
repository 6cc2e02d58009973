#include "probes/check/proxy_choice.h"

#include <charconv>
#include <cstdlib>
#include <utility>

#include "probes/check/http_target.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

bool is_loopback(const wire::Url& url) {
  if (url.host == "localhost") return true;
  const auto address = parse_ip(url.host);
  return address && (address->is_v4() ? address->v4_bits() >> 24 == 127 : address->bits() == 1);
}

std::string environment(const char* upper, const char* lower) {
  for (const char* name : {upper, lower})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  return {};
}

Parsed<std::optional<HttpProxy>> read_proxy(std::string_view key, const std::string& text) {
  if (text.empty()) return std::optional<HttpProxy>();
  Parsed<HttpTarget> target = read_http_target(text);
  if (!target) return input_error(std::string(key) + ": " + target.error().text);
  if (target->no_port) return input_error(std::string(key) + ": a port is a number from 1 to 65535");
  if (target->url.scheme != "http" || (text.find("://") != std::string::npos && !text.starts_with("http://")))
    return input_error(std::string(key) + ": only proxies that are spoken to over http:// are supported");
  HttpProxy proxy{.url = std::move(target->url), .headers = {}, .connect_headers = {}};
  if (!target->authorization.empty()) proxy.headers.push_back({"Proxy-Authorization", target->authorization});
  return std::optional<HttpProxy>(std::move(proxy));
}

}  // namespace

NoProxy::NoProxy(std::string_view list) {
  wire::for_each_item(list, [this](std::string_view text) {
    if (text.empty()) return;
    if (text == "*") {
      all_ = true;
      return;
    }
    Item item;
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos) {
      const auto address = parse_ip(text.substr(0, slash));
      if (!address) return;
      const auto bits = number(text.substr(slash + 1), address->is_v4() ? 32 : 128);
      if (!bits) return;
      item.address = *address;
      item.bits = address->is_v4() ? 96 + *bits : *bits;
      items_.push_back(std::move(item));
      return;
    }
    std::string_view host = text;
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && !parse_ip(text)) {
      const auto port = number(text.substr(colon + 1), 65'535);
      if (!port) return;
      item.port = static_cast<std::uint16_t>(*port);
      host = text.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (const auto address = parse_ip(host)) {
      item.address = *address;
    } else {
      if (host.starts_with("*.")) host.remove_prefix(1);
      if (host.empty()) return;
      item.exact = !host.starts_with('.');
      if (item.exact) item.name = ".";
      for (const char c : host) item.name += wire::lower(c);
    }
    items_.push_back(std::move(item));
  });
}

bool NoProxy::covers(const wire::Url& url) const {
  if (all_) return true;
  const auto address = parse_ip(url.host);
  for (const Item& item : items_) {
    if (item.port != 0 && item.port != url.port) continue;
    if (item.name.empty()) {
      const U128 differs = address ? address->bits() ^ item.address.bits() : ~U128{0};
      if (address && (item.bits == 0 || differs >> (128 - item.bits) == 0)) return true;
    } else if (!address &&
               (url.host.ends_with(item.name) || (item.exact && url.host == std::string_view(item.name).substr(1)))) {
      return true;
    }
  }
  return false;
}

Parsed<ProxyChoice> ProxyChoice::of_url(const std::string& proxy_url) {
  Parsed<std::optional<HttpProxy>> proxy = read_proxy("proxy_url", proxy_url);
  if (!proxy) return std::unexpected(proxy.error());
  ProxyChoice choice;
  choice.http_ = *proxy;
  choice.https_ = std::move(*proxy);
  return choice;
}

Parsed<ProxyChoice> ProxyChoice::create(const HttpCheck& check) {
  Parsed<ProxyChoice> choice = of_url(check.proxy_url);
  if (!choice) return choice;
  std::string no_proxy = check.no_proxy;
  choice->spares_loopback_ = !no_proxy.empty();
  if (check.proxy_from_environment) {
    Parsed<std::optional<HttpProxy>> http = read_proxy("HTTP_PROXY", environment("HTTP_PROXY", "http_proxy"));
    if (!http) return std::unexpected(http.error());
    Parsed<std::optional<HttpProxy>> https = read_proxy("HTTPS_PROXY", environment("HTTPS_PROXY", "https_proxy"));
    if (!https) return std::unexpected(https.error());
    choice->http_ = std::move(*http);
    choice->https_ = std::move(*https);
    no_proxy = environment("NO_PROXY", "no_proxy");
    choice->spares_loopback_ = true;
  }
  choice->no_proxy_ = NoProxy(no_proxy);
  for (std::optional<HttpProxy>* proxy : {&choice->http_, &choice->https_})
    if (*proxy)
      for (const auto& [name, values] : check.proxy_connect_headers)
        for (const std::string& value : values) (*proxy)->connect_headers.push_back({name, value});
  return choice;
}

const HttpProxy* ProxyChoice::proxy_for(const wire::Url& url) const {
  const std::optional<HttpProxy>& proxy = url.scheme == "https" ? https_ : http_;
  if (!proxy || (spares_loopback_ && is_loopback(url)) || no_proxy_.covers(url)) return nullptr;
  return &*proxy;
}

}  // namespace sonde::probes
