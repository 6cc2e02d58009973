// What the http prober is made of: targets, proxies that are spared, tokens.
#include <gtest/gtest.h>

#include "probes/check/go_pattern.h"
#include "probes/check/http_target.h"
#include "probes/check/oauth_token.h"
#include "probes/check/proxy_choice.h"

namespace sonde::probes {
namespace {

TEST(HttpTarget, a_scheme_in_lower_case_is_one) {
  const auto target = read_http_target("https://Shop.example:8443/a");
  ASSERT_TRUE(target);
  EXPECT_EQ(wire::to_string(target->url), "https://shop.example:8443/a");
  EXPECT_EQ(target->host, "Shop.example:8443");
  EXPECT_EQ(wire::to_string(read_http_target("shop.example")->url), "http://shop.example/");
  EXPECT_FALSE(read_http_target(""));
}

TEST(HttpTarget, an_error_does_not_show_the_password) {
  const auto target = read_http_target("http://me:secret@a b/");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().text.find("secret"), std::string::npos);
}

// net/url's EscapedPath.
TEST(HttpTarget, the_path_is_go_s) {
  struct Case {
    const char* path;
    const char* asked;
  };
  for (const Case& one :
       {Case{"", "/"}, Case{"/a/../b/./c//", "/a/../b/./c//"}, Case{"/%2f%41;a=b,c!'()*[]", "/%2f%41;a=b,c!'()*[]"},
        Case{"/\u00e9%2f", "/%C3%A9/"}, Case{"/a b", "/a%20b"}, Case{"/\"%3f", "/%22%3F"}, Case{"?a=%zz", "/?a=%zz"},
        Case{"/x?b#c", "/x?b"}}) {
    const auto target = read_http_target("http://127.0.0.1" + std::string(one.path));
    ASSERT_TRUE(target) << one.path;
    EXPECT_EQ(target->url.path, one.asked);
  }
  for (const char* path : {"/%zz", "/%", "/%4", "/#%g0", "/\t", "/a\nb"})
    EXPECT_FALSE(read_http_target("http://127.0.0.1" + std::string(path))) << path;
  EXPECT_FALSE(read_http_target("http://127.0.0.1/" + std::string(4000, ' ')));  // 12,000 bytes once encoded
}

TEST(HttpTarget, the_last_colon_ends_an_address_without_brackets) {
  const auto target = read_http_target("http://::1:8080/ok");
  ASSERT_TRUE(target);
  EXPECT_EQ(wire::to_string(target->url), "http://[::1]:8080/ok");
  EXPECT_EQ(target->host, "::1:8080");
  EXPECT_EQ(read_http_target("http://[::1]:8080/")->url.port, 8080);
  EXPECT_EQ(read_http_target("http://[::1]/")->url.host, "::1");
  EXPECT_EQ(read_http_target("http://127.0.0.1:/")->url.port, 80);
  EXPECT_FALSE(read_http_target("http://a:b:80/"));
}

TEST(HttpTarget, a_number_that_is_no_port_is_found_late) {
  for (const char* text : {"127.0.0.1:0", "127.0.0.1:65536", "[::1]:99999999999999999999"})
    EXPECT_TRUE(read_http_target(text)->no_port) << text;
  EXPECT_FALSE(read_http_target("127.0.0.1:65535")->no_port);
  EXPECT_FALSE(read_http_target("127.0.0.1:port"));
  HttpCheck check;
  check.proxy_url = "http://127.0.0.1:70000";
  EXPECT_FALSE(ProxyChoice::create(check));
}

// Of text that is no UTF-8 each wrong byte is one character.
TEST(GoMatch, wrong_bytes_are_characters) {
  EXPECT_TRUE(go_match(RE2("^caf.$"), "caf\xe9", {}));
  EXPECT_TRUE(go_match(RE2("^a..b$"),
                       "a\xff\xfe"
                       "b",
                       {}));
  EXPECT_FALSE(go_match(RE2("^a.b$"),
                        "a\xff\xfe"
                        "b",
                        {}));
  std::string_view group;
  EXPECT_TRUE(go_match(RE2("\\x{fffd}."),
                       "a\xff\xfe"
                       "b",
                       std::span(&group, 1)));
  EXPECT_EQ(group, "\xff\xfe");
}

bool covers(const char* list, const char* url) { return NoProxy(list).covers(*wire::parse_url(url)); }

// As golang.org/x/net/http/httpproxy documents it.
TEST(NoProxy, covers_as_go_does) {
  EXPECT_TRUE(covers("*", "http://a.example/"));
  EXPECT_TRUE(covers("b.example, a.example", "http://a.example/"));
  EXPECT_TRUE(covers("a.example", "http://www.A.example/"));
  EXPECT_FALSE(covers("a.example", "http://nota.example/"));
  EXPECT_FALSE(covers(".a.example", "http://a.example/"));
  EXPECT_TRUE(covers("*.a.example", "http://www.a.example/"));
  EXPECT_TRUE(covers("a.example:8080", "http://a.example:8080/"));
  EXPECT_FALSE(covers("a.example:8080", "http://a.example/"));
  EXPECT_TRUE(covers("10.0.0.0/8", "http://10.1.2.3/"));
  EXPECT_FALSE(covers("10.0.0.0/8", "http://11.1.2.3/"));
  EXPECT_TRUE(covers("0.0.0.0/0", "http://11.1.2.3/"));
  EXPECT_TRUE(covers("10.1.2.3:81", "http://10.1.2.3:81/"));
  EXPECT_TRUE(covers("::1", "http://[::1]/"));
  EXPECT_TRUE(covers("fd00::/8", "http://[fd12::1]/"));
  EXPECT_FALSE(covers("fd00::/8", "http://10.1.2.3/"));
  EXPECT_FALSE(covers("", "http://a.example/"));
}

TEST(ProxyChoice, loopback_is_spared_where_no_proxy_is_given) {
  HttpCheck check;
  check.proxy_url = "http://127.0.0.2:3128";
  EXPECT_NE(ProxyChoice::create(check)->proxy_for({.host = "127.0.0.1"}), nullptr);
  check.no_proxy = "a.example";
  EXPECT_EQ(ProxyChoice::create(check)->proxy_for({.host = "127.0.0.1"}), nullptr);
  EXPECT_EQ(ProxyChoice::create(check)->proxy_for({.host = "a.example"}), nullptr);
  EXPECT_NE(ProxyChoice::create(check)->proxy_for({.host = "b.example"}), nullptr);
}

TEST(OauthToken, is_read_from_json) {
  const auto token = read_oauth_token(R"({"access_token":"abc","token_type":"bearer","expires_in":60})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->authorization, "Bearer abc");
  EXPECT_EQ(token->lifetime_s, 60);
  EXPECT_EQ(read_oauth_token(R"({"access_token":"a","token_type":"DPoP","expires_in":"90"})")->authorization, "DPoP a");
  EXPECT_EQ(read_oauth_token(R"({"access_token":"a","expires_in":"90"})")->lifetime_s, 90);
  EXPECT_EQ(read_oauth_token(R"({"access_token":"a","expires_in":-1})")->lifetime_s, 0);
}

TEST(OauthToken, is_refused_where_it_cannot_be_used) {
  for (const char* text :
       {"", "[]", "{}", R"({"access_token":7})", R"({"access_token":"a\r\nX: y"})", "{\"access_token\""})
    EXPECT_FALSE(read_oauth_token(text)) << text;
  EXPECT_FALSE(read_oauth_token(std::string(kMostTokenBytes + 1, ' ')));
}

}  // namespace
}  // namespace sonde::probes
