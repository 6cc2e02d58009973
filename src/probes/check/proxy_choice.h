// Which proxy a request goes through: proxy_url, or the environment's, but for what no_proxy names. As Go's
// golang.org/x/net/http/httpproxy: localhost and loopback addresses go straight where no_proxy is given or the
// environment says which.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "probes/check/module_options.h"
#include "probes/http/http_guide.h"

namespace sonde::probes {

// The items of a no_proxy: "*", addresses, prefixes, names with what is below them (".name": only that), each with a
// port or for all.
class NoProxy {
 public:
  NoProxy() = default;
  explicit NoProxy(std::string_view list);
  bool covers(const wire::Url& url) const;

 private:
  struct Item {
    std::string name;    // with a dot in front; empty: an address
    bool exact = false;  // the name itself too
    IpAddress address;
    int bits = 128;          // of the address, IPv4 as mapped
    std::uint16_t port = 0;  // 0: any
  };
  std::vector<Item> items_;
  bool all_ = false;
};

class ProxyChoice {
 public:
  // The error names the key. Only proxies that are spoken to over http.
  static Parsed<ProxyChoice> create(const HttpCheck& check);
  static Parsed<ProxyChoice> of_url(const std::string& proxy_url);  // empty: none
  // Null: straight.
  const HttpProxy* proxy_for(const wire::Url& url) const;

 private:
  std::optional<HttpProxy> http_, https_;  // by the scheme of what is asked
  NoProxy no_proxy_;
  bool spares_loopback_ = false;
};

}  // namespace sonde::probes
