#include "wire/url.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace sonde::wire {
namespace {

std::string parsed(std::string_view text) {
  const auto url = parse_url(text);
  return url ? to_string(*url) : "error: " + url.error().text;
}

std::string resolved(std::string_view base, std::string_view reference) {
  const auto url = resolve_url(parse_url(base).value(), reference);
  return url ? to_string(*url) : "error: " + url.error().text;
}

TEST(ParseUrl, takes_an_address_apart) {
  const auto url = parse_url("HTTPS://user:pa@ss@Example.COM.:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (Url{.scheme = "https", .host = "example.com", .port = 8443, .path = "/a/b?c=d"}));
  EXPECT_EQ(to_string(*url), "https://example.com:8443/a/b?c=d");
  EXPECT_EQ(host_header(*url), "example.com:8443");
}

TEST(ParseUrl, knows_the_ports_of_its_schemes) {
  EXPECT_EQ(parse_url("http://a")->port, 80);
  EXPECT_EQ(parse_url("https://a:")->port, 443);
  EXPECT_EQ(parsed("http://a:443"), "http://a:443/");
  EXPECT_EQ(parsed("https://a:443"), "https://a/");
  EXPECT_EQ(parsed("http://a:00080/"), "http://a/");
  EXPECT_EQ(host_header(parse_url("http://a:80/").value()), "a");
}

TEST(ParseUrl, takes_ipv6_in_brackets) {
  const auto url = parse_url("http://[2001:DB8:0::1]:8080/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(host_header(*url), "[2001:db8::1]:8080");
  EXPECT_EQ(parsed("http://[::1]"), "http://[::1]/");
  EXPECT_EQ(parsed("http://[::ffff:192.0.2.1]/"), "http://192.0.2.1/");
}

TEST(ParseUrl, is_as_lenient_as_browsers_are) {
  EXPECT_EQ(parsed(" \x01http://a/b \n"), "http://a/b");
  EXPECT_EQ(parsed("ht\ntp:/\t/a/b\r\nc"), "http://a/bc");
  EXPECT_EQ(parsed("http:\\\\a\\b\\..\\c?d\\e"), "http://a/c?d\\e");
  EXPECT_EQ(parsed("http:/a"), "http://a/");
  EXPECT_EQ(parsed("http:////a"), "http://a/");
  EXPECT_EQ(parsed("http://a/b c\"<>`{}|\x7f\xc3\xa4%20%zz'"), "http://a/b%20c%22%3C%3E%60%7B%7D|%7F%C3%A4%20%zz'");
  EXPECT_EQ(parsed("http://a?b c'\"<>`{}"), "http://a/?b%20c%27%22%3C%3E`{}");
  EXPECT_EQ(parsed(std::string_view("http://a/b\0c", 12)), "http://a/b%00c");
  EXPECT_EQ(parsed("http://%41b.example/"), "http://ab.example/");
  EXPECT_EQ(parsed("http://a_b/"), "http://a_b/");
}

TEST(ParseUrl, says_what_is_wrong) {
  const auto says = [](std::string_view text, std::string_view words) {
    EXPECT_NE(parsed(text).find(words), std::string::npos) << text << " → " << parsed(text);
    EXPECT_TRUE(parsed(text).starts_with("error: ")) << text;
  };
  says("", "does not begin with http");
  says("example.com/a", "does not begin with http");
  says("//a/b", "does not begin with http");
  says("1http://a", "does not begin with http");
  says("ftp://a/", "the scheme 'ftp'");
  says("javascript:alert(1)", "the scheme 'javascript'");
  says("localhost:80", "the scheme 'localhost'");
  says("http://", "no host");
  says("http:///", "no host");
  says("http://:80/", "no host");
  says("http://./", "no host");
  says("http://user@/", "no host");
  says("http://a..b/", "empty label");
  says("http://a../", "empty label");
  says("http://.a/", "empty label");
  says("http://m\xc3\xbcnchen.example/", "Punycode");
  says("http://m%C3%BCnchen.example/", "Punycode");
  says("http://a b/", "no host name has");
  says("http://a%2fb/", "no host name has");
  says("http://a%00b/", "no host name has");
  says("http://a%0d%0ab/", "no host name has");
  says("http://a%b/", "no host name has");
  says("http://a^b/", "no host name has");
  says("http://127.1/", "IPv4");
  says("http://2130706433/", "IPv4");
  says("http://0x7f000001/", "IPv4");
  says("http://256.1.1.1/", "IPv4");
  says("http://" + std::string(254, 'a') + "/", "253");
  says("http://a:0/", "1 to 65535");
  says("http://a:65536/", "1 to 65535");
  says("http://a:8 0/", "1 to 65535");
  says("http://a:+80/", "1 to 65535");
  says("http://::1/", "no host");
  says("http://a:b:80/", "1 to 65535");
  says("http://[::1", "]");
  says("http://[::1]x/", "nothing but a port");
  says("http://[fe80::1%25eth0]/", "without a zone");
  says("http://[127.0.0.1]/", "IPv6");
  says("http://a/" + std::string(kUrlLimit, 'a'), "8 KiB");
  says("http://a/" + std::string(kUrlLimit / 2, '"'), "8 KiB");
}

// RFC 3986, 5.4, where a browser reads it the same way; the rest in the tests below.
TEST(ResolveUrl, as_the_rfc_does) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"g", "/b/c/g"},
                                                                  {"./g", "/b/c/g"},
                                                                  {"g/", "/b/c/g/"},
                                                                  {"/g", "/g"},
                                                                  {"?y", "/b/c/d;p?y"},
                                                                  {"g?y", "/b/c/g?y"},
                                                                  {"#s", "/b/c/d;p?q"},
                                                                  {"g#s", "/b/c/g"},
                                                                  {"g?y#s", "/b/c/g?y"},
                                                                  {";x", "/b/c/;x"},
                                                                  {"g;x", "/b/c/g;x"},
                                                                  {"", "/b/c/d;p?q"},
                                                                  {".", "/b/c/"},
                                                                  {"./", "/b/c/"},
                                                                  {"..", "/b/"},
                                                                  {"../", "/b/"},
                                                                  {"../g", "/b/g"},
                                                                  {"../..", "/"},
                                                                  {"../../", "/"},
                                                                  {"../../g", "/g"},
                                                                  {"../../../g", "/g"},
                                                                  {"../../../../g", "/g"},
                                                                  {"/./g", "/g"},
                                                                  {"/../g", "/g"},
                                                                  {"g.", "/b/c/g."},
                                                                  {".g", "/b/c/.g"},
                                                                  {"g..", "/b/c/g.."},
                                                                  {"..g", "/b/c/..g"},
                                                                  {"./../g", "/b/g"},
                                                                  {"./g/.", "/b/c/g/"},
                                                                  {"g/./h", "/b/c/g/h"},
                                                                  {"g/../h", "/b/c/h"},
                                                                  {"g;x=1/./y", "/b/c/g;x=1/y"},
                                                                  {"g;x=1/../y", "/b/c/y"},
                                                                  {"g?y/../x", "/b/c/g?y/../x"},
                                                                  {"g#s/../x", "/b/c/g"},
                                                                  {"http:g", "/b/c/g"},
                                                                  {"http:", "/b/c/d;p?q"},
                                                                  {"http:?y", "/b/c/d;p?y"},
                                                                  {"%2e%2E/g", "/b/g"},
                                                                  {".%2e/g", "/b/g"},
                                                                  {"%2e/g", "/b/c/g"},
                                                                  {"a//../g", "/b/c/a/g"},
                                                                  {"\\g\\h", "/g/h"},
                                                                  {"g h", "/b/c/g%20h"},
                                                                  {"1:2", "/b/c/1:2"},
                                                                  {"./a:b", "/b/c/a:b"}};
  for (const auto& [reference, path] : cases)
    EXPECT_EQ(resolved("http://a/b/c/d;p?q", reference), "http://a" + path) << reference;
}

TEST(ResolveUrl, another_host_or_scheme) {
  EXPECT_EQ(resolved("https://a:8443/b", "//g/h"), "https://g/h");
  EXPECT_EQ(resolved("https://a/b", "\\\\g"), "https://g/");
  EXPECT_EQ(resolved("https://a/b", "///g"), "https://g/");
  EXPECT_EQ(resolved("https://a/b", "http://g:81/h?i"), "http://g:81/h?i");
  EXPECT_EQ(resolved("https://a/b", "http:g"), "http://g/");
  EXPECT_EQ(resolved("http://a:81/b", "HTTPS://A/"), "https://a/");
  EXPECT_EQ(resolved("http://a:81/b/", " c\r\n "), "http://a:81/b/c");
  EXPECT_EQ(resolved("http://a", "b"), "http://a/b");
}

TEST(ResolveUrl, errors_are_those_of_parse_url) {
  EXPECT_EQ(resolved("http://a/", "mailto:x@y"), "error: the scheme 'mailto' is neither http nor https");
  EXPECT_EQ(resolved("http://a/", "//"), "error: it names no host");
  EXPECT_EQ(resolved("http://a/", "//b:x/"), "error: a port is a number from 1 to 65535");
  EXPECT_EQ(resolved("http://a/", std::string(kUrlLimit + 1, 'a')), "error: it is longer than 8 KiB");
  EXPECT_EQ(resolved("http://a/b/", std::string(kUrlLimit, 'a')),
            "error: the path is longer than 8 KiB once it is encoded");
}

TEST(SameOrigin, is_scheme_host_and_port) {
  const Url url = parse_url("https://a/b").value();
  EXPECT_TRUE(same_origin(url, parse_url("HTTPS://A:443/c?d").value()));
  EXPECT_FALSE(same_origin(url, parse_url("http://a:443/b").value()));
  EXPECT_FALSE(same_origin(url, parse_url("https://a:444/b").value()));
  EXPECT_FALSE(same_origin(url, parse_url("https://b/b").value()));
}

}  // namespace
}  // namespace sonde::wire
