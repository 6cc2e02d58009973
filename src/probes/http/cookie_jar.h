// The cookies of one redirect chain (RFC 6265, as far as a few seconds need it: no expiry but the one that deletes).
// At most kMost of at most kMostBytes each, what is beyond is not kept; nor is what has control characters in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/url.h"

namespace sonde::probes {

class CookieJar {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostBytes = 4096;        // of name and value
  static constexpr std::size_t kMostOfAttribute = 1024;  // bytes; one that is longer is passed over

  // A Set-Cookie header's value, of an answer from `url`.
  void set(const wire::Url& url, std::string_view header);
  // The value of the Cookie header for a request to `url`; empty: none.
  std::string header_for(const wire::Url& url) const;
  bool empty() const { return cookies_.empty(); }

 private:
  struct Cookie {
    std::string name;
    std::string value;
    std::string domain;
    std::string path;
    bool host_only = true;
    bool secure = false;
  };
  std::vector<Cookie> cookies_;
};

}  // namespace sonde::probes
