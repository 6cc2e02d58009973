// Set-Cookie headers of any servers, a line each: "URL-number header". What goes out is of bounded size, has no control
// character in it, and never goes to another host than those that the cookie's own may speak for.
#include <array>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "probes/http/cookie_jar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde;
  static const std::array<wire::Url, 4> kUrls = {
      *wire::parse_url("http://shop.example/a/b?c"), *wire::parse_url("https://www.shop.example/"),
      *wire::parse_url("https://192.0.2.1/a/"), *wire::parse_url("http://localhost/")};
  static const wire::Url kStranger = *wire::parse_url("https://other.test/a/b");
  probes::CookieJar jar;
  probes::CookieJar of_address;  // nobody else may set these
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    const wire::Url& from = kUrls[static_cast<unsigned char>(line[0]) % kUrls.size()];
    jar.set(from, line.substr(1));
    if (from.host == "192.0.2.1") of_address.set(from, line.substr(1));
  }
  for (const wire::Url& url : kUrls) {
    const std::string header = jar.header_for(url);
    SONDE_CHECK(header.size() <= probes::CookieJar::kMost * (probes::CookieJar::kMostBytes + 3), "it is bounded");
    for (const char c : header)
      SONDE_CHECK(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f), "it is one line of text");
  }
  SONDE_CHECK(jar.header_for(kStranger).empty(), "nobody sets cookies for others");
  for (std::size_t i : {0, 1, 3}) SONDE_CHECK(of_address.header_for(kUrls[i]).empty(), "an address speaks for itself");
  return 0;
}
