// Where redirects lead: what is asked next, and what of the user's request may go there. It remembers the way, to know
// a circle, and the cookies on it. Made when the first redirect is met; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "probes/http/cookie_jar.h"
#include "probes/http/http_answer.h"
#include "wire/http1_request.h"
#include "wire/url.h"

namespace sonde::probes {

// One request, without its headers.
struct HttpTurn {
  wire::Url url;
  std::string_view method;  // outlives the probe
  bool sends_body = true;
};

class RedirectChain {
 public:
  explicit RedirectChain(const HttpTurn& first) : first_(first.url), seen_{state_of(first)} {}

  // The turn behind `asked`, whose answer leads to `location`. The error says why it leads nowhere: no address, more
  // than `most` redirects, a circle.
  Parsed<HttpTurn> next(const HttpTurn& asked, const HttpAnswer& answer, std::string_view location, std::uint32_t most);
  // An entry of http.redirects, of the turn that next() left behind.
  void note(std::string_view entry);

  std::uint32_t count() const { return count_; }
  const wire::Url& first() const { return first_; }
  std::string json() const { return "[" + entries_ + "]"; }
  // `headers` as they go to `url`: credentials to the origin of the first request alone, its Host header to its host
  // alone; with the cookies of the way. Valid until the next call.
  std::span<const wire::HttpHeader> headers_for(const wire::Url& url, std::span<const wire::HttpHeader> headers);

 private:
  std::string state_of(const HttpTurn& turn) const;

  wire::Url first_;
  CookieJar jar_;
  std::vector<std::string> seen_;  // requests, with their cookies
  std::vector<wire::HttpHeader> headers_;
  std::string entries_;
  std::uint32_t count_ = 0;
};

}  // namespace sonde::probes
