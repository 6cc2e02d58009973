#include "probes/http/cookie_jar.h"

#include <gtest/gtest.h>

namespace sonde::probes {
namespace {

wire::Url url(std::string_view text) { return *wire::parse_url(text); }

// What a jar that got `header` from `from` sends to `to`.
std::string sent(std::string_view header, std::string_view from, std::string_view to) {
  CookieJar jar;
  jar.set(url(from), header);
  return jar.header_for(url(to));
}

TEST(CookieJar, a_cookie_without_a_domain_is_for_its_host_alone) {
  EXPECT_EQ(sent("a=1", "http://shop.example/", "http://shop.example/"), "a=1");
  EXPECT_EQ(sent("a=1", "http://shop.example/", "https://shop.example:8443/x"), "a=1") << "ports and schemes are alike";
  EXPECT_EQ(sent("a=1", "http://shop.example/", "http://www.shop.example/"), "");
  EXPECT_EQ(sent("a=1", "http://www.shop.example/", "http://shop.example/"), "");
}

TEST(CookieJar, a_domain_covers_the_names_below_it) {
  for (const char* header :
       {"a=1; Domain=shop.example", "a=1;domain=.SHOP.example ", "a=1; domain=x.y; Domain=shop.example"}) {
    EXPECT_EQ(sent(header, "http://www.shop.example/", "http://shop.example/"), "a=1") << header;
    EXPECT_EQ(sent(header, "http://shop.example/", "http://a.b.shop.example/"), "a=1") << header;
    EXPECT_EQ(sent(header, "http://shop.example/", "http://workshop.example/"), "") << header;
  }
}

TEST(CookieJar, nobody_sets_cookies_for_others) {
  EXPECT_EQ(sent("a=1; Domain=other.example", "http://shop.example/", "http://other.example/"), "");
  EXPECT_EQ(sent("a=1; Domain=www.shop.example", "http://shop.example/", "http://www.shop.example/"), "");
  EXPECT_EQ(sent("a=1; Domain=example", "http://shop.example/", "http://other.example/"), "");
  EXPECT_EQ(sent("a=1; Domain=0.2.1", "http://192.0.2.1/", "http://192.0.2.1/"), "") << "nothing is below an address";
}

TEST(CookieJar, a_host_may_name_itself) {
  EXPECT_EQ(sent("a=1; Domain=localhost", "http://localhost/", "http://localhost/"), "a=1");
  EXPECT_EQ(sent("a=1; Domain=localhost", "http://localhost/", "http://x.localhost/"), "");
  EXPECT_EQ(sent("a=1; Domain=192.0.2.1", "http://192.0.2.1/", "http://192.0.2.1/"), "a=1");
  EXPECT_EQ(sent("a=1; Domain=", "http://shop.example/", "http://shop.example/"), "a=1");
  EXPECT_EQ(sent("a=1; Domain=.", "http://shop.example/", "http://shop.example/"), "a=1");
}

TEST(CookieJar, paths) {
  EXPECT_EQ(sent("a=1", "http://h.example/dir/page?q=/x/", "http://h.example/dir/other"), "a=1") << "the page's folder";
  EXPECT_EQ(sent("a=1", "http://h.example/dir/page", "http://h.example/"), "");
  EXPECT_EQ(sent("a=1", "http://h.example/page", "http://h.example/any/where"), "a=1");
  EXPECT_EQ(sent("a=1; Path=/in", "http://h.example/", "http://h.example/in"), "a=1");
  EXPECT_EQ(sent("a=1; Path=/in", "http://h.example/", "http://h.example/in/side"), "a=1");
  EXPECT_EQ(sent("a=1; Path=/in", "http://h.example/", "http://h.example/inside"), "");
  EXPECT_EQ(sent("a=1; Path=/in/", "http://h.example/", "http://h.example/in"), "");
  EXPECT_EQ(sent("a=1; Path=/in; path=x", "http://h.example/", "http://h.example/"), "a=1") << "the last counts";
}

TEST(CookieJar, secure_cookies_are_of_https_both_ways) {
  EXPECT_EQ(sent("a=1; Secure", "https://h.example/", "https://h.example/"), "a=1");
  EXPECT_EQ(sent("a=1; SECURE=x", "https://h.example/", "http://h.example/"), "");
  EXPECT_EQ(sent("a=1; secure", "http://h.example/", "https://h.example/"), "");
}

TEST(CookieJar, the_same_cookie_is_replaced_or_deleted) {
  const wire::Url home = url("http://h.example/");
  for (const char* header :
       {"a=; Max-Age=0", "a=; max-age=-5", "a=x; Max-Age=00", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=; expires=Thu, 01-Jan-70 00:00:01 GMT", "a=; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=0"}) {
    CookieJar jar;
    jar.set(home, "a=1");
    jar.set(home, "b=2");
    jar.set(home, "a=3");
    EXPECT_EQ(jar.header_for(home), "b=2; a=3");
    jar.set(home, header);
    EXPECT_EQ(jar.header_for(home), "b=2") << header;
    jar.set(home, "b=; Path=/other; Max-Age=0");
    EXPECT_EQ(jar.header_for(home), "b=2") << "another path's is another cookie";
  }
  for (const char* header :
       {"a=1; Max-Age=60", "a=1; Max-Age=x", "a=1; Max-Age=-", "a=1; Expires=Thu, 26 Nov 2026 09:32:53 GMT",
        "a=1; Expires=Thursday, 26-Nov-26 09:32:53 GMT", "a=1; Expires=soon",
        "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"})
    EXPECT_EQ(sent(header, "http://h.example/", "http://h.example/"), "a=1") << header;
}

TEST(CookieJar, longer_paths_go_first) {
  CookieJar jar;
  jar.set(url("http://h.example/"), "short=1; Path=/");
  jar.set(url("http://h.example/"), "long=2; Path=/a/b");
  jar.set(url("http://h.example/"), "also=3; Path=/");
  EXPECT_EQ(jar.header_for(url("http://h.example/a/b/c")), "long=2; short=1; also=3");
}

TEST(CookieJar, what_is_no_cookie_is_not_kept) {
  for (const std::string& header : {std::string(), std::string("a"), std::string("=1"), std::string(" = 1"),
                                    std::string(";;;"), std::string("a=\x01"), std::string("a=1; Path=/\x7f"),
                                    std::string("a=b\r\nX: y"), "a=" + std::string(CookieJar::kMostBytes, 'x')}) {
    EXPECT_EQ(sent(header, "http://h.example/", "http://h.example/"), "") << header;
  }
  EXPECT_EQ(sent(" a b = c d ; x", "http://h.example/", "http://h.example/"), "a b=c d");
  EXPECT_EQ(sent("a=\"q\"", "http://h.example/", "http://h.example/"), "a=\"q\"");
  EXPECT_EQ(sent("a=b=c", "http://h.example/", "http://h.example/"), "a=b=c");
}

TEST(CookieJar, is_bounded) {
  CookieJar jar;
  const wire::Url home = url("http://h.example/");
  const std::string value(CookieJar::kMostBytes - 8, 'x');
  for (int i = 0; i < 1000; ++i) jar.set(home, std::to_string(i) + "=" + value);
  EXPECT_LE(jar.header_for(home).size(), CookieJar::kMost * (CookieJar::kMostBytes + 3));
  jar.set(home, "0=; Max-Age=0");
  jar.set(home, "room=1");
  EXPECT_TRUE(jar.header_for(home).ends_with("; room=1"));
  EXPECT_EQ(sent("a=1; Path=/" + std::string(2000, 'x'), "http://h.example/", "http://h.example/"), "a=1")
      << "so long an attribute is none";
}

}  // namespace
}  // namespace sonde::probes
