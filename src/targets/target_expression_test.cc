#include "targets/target_expression.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::targets {
namespace {

// "first-last port 80" or "name port 80", of a URL scheme and path, "!" behind a CIDR with host bits; an error is its
// text.
std::string meaning(const std::string& text) {
  const auto parsed = parse_target(text);
  if (!parsed) return parsed.error().text;
  std::string out = parsed->is_name()        ? parsed->host
                    : parsed->range.single() ? to_string(parsed->range.first)
                                             : to_string(parsed->range.first) + "-" + to_string(parsed->range.last);
  if (parsed->port != 0) out += " port " + std::to_string(parsed->port);
  if (parsed->scheme != Scheme::kNone) out += " " + std::string(name(parsed->scheme)) + " '" + parsed->path + "'";
  return parsed->host_bits ? out + "!" : out;
}

TEST(TargetExpression, addresses_cidrs_and_ranges) {
  EXPECT_EQ(meaning("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(meaning("2001:DB8::1"), "2001:db8::1");
  EXPECT_EQ(meaning("10.0.0.0/30"), "10.0.0.0-10.0.0.3");
  EXPECT_EQ(meaning("10.0.0.1/32"), "10.0.0.1");
  EXPECT_EQ(meaning("0.0.0.0/0"), "0.0.0.0-255.255.255.255");
  EXPECT_EQ(meaning("2001:db8::/126"), "2001:db8::-2001:db8::3");
  EXPECT_EQ(meaning("::/0"), "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(meaning("10.0.0.1-10.0.0.9"), "10.0.0.1-10.0.0.9");
  EXPECT_EQ(meaning("10.0.0.1-9"), "10.0.0.1-10.0.0.9");
  EXPECT_EQ(meaning("2001:db8::1-2001:db8::9"), "2001:db8::1-2001:db8::9");
}

TEST(TargetExpression, a_cidr_with_host_bits_is_its_prefix_and_says_so) {
  EXPECT_EQ(meaning("10.0.0.1/24"), "10.0.0.0-10.0.0.255!");
  EXPECT_EQ(meaning("2001:db8::1/126"), "2001:db8::-2001:db8::3!");
}

TEST(TargetExpression, mapped_ipv6_is_the_ipv4_address) {
  EXPECT_EQ(meaning("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(meaning("::ffff:a00:1"), "10.0.0.1");
  EXPECT_EQ(meaning("::ffff:10.0.0.0/126"), "10.0.0.0-10.0.0.3");
  EXPECT_EQ(meaning("[::ffff:10.0.0.1]:80"), "10.0.0.1 port 80");
  EXPECT_EQ(meaning("::ffff:10.0.0.1-::ffff:10.0.0.3"), "10.0.0.1-10.0.0.3");
}

TEST(TargetExpression, a_port_of_its_own) {
  EXPECT_EQ(meaning("10.0.0.1:80"), "10.0.0.1 port 80");
  EXPECT_EQ(meaning("10.0.0.0/30:80"), "10.0.0.0-10.0.0.3 port 80");
  EXPECT_EQ(meaning("10.0.0.1-3:80"), "10.0.0.1-10.0.0.3 port 80");
  EXPECT_EQ(meaning("[2001:db8::1]:443"), "2001:db8::1 port 443");
  EXPECT_EQ(meaning("[2001:db8::/126]:443"), "2001:db8::-2001:db8::3 port 443");
  EXPECT_EQ(meaning("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(meaning("host.example:8443"), "host.example port 8443");
}

TEST(TargetExpression, names_are_lower_case_without_the_last_dot) {
  EXPECT_EQ(meaning("LocalHost"), "localhost");
  EXPECT_EQ(meaning("Host.Example."), "host.example");
  EXPECT_EQ(meaning("my-host-1.example"), "my-host-1.example");
  EXPECT_EQ(meaning("3com.example"), "3com.example");
  EXPECT_EQ(meaning("10-0-0-1.example"), "10-0-0-1.example");
}

TEST(TargetExpression, a_url_names_its_port_by_its_scheme_unless_it_has_one) {
  EXPECT_EQ(meaning("https://host.example/a/b?c#d"), "host.example port 443 https '/a/b?c'");
  EXPECT_EQ(meaning("HTTP://Host.Example"), "host.example port 80 http ''");
  EXPECT_EQ(meaning("https://host.example:8443/"), "host.example port 8443 https ''");
  EXPECT_EQ(meaning("http://10.0.0.1/24"), "10.0.0.1 port 80 http '/24'");
  EXPECT_EQ(meaning("https://[2001:db8::1]:8443/x"), "2001:db8::1 port 8443 https '/x'");
  EXPECT_EQ(meaning("https://[2001:db8::1]"), "2001:db8::1 port 443 https ''");
}

TEST(TargetExpression, a_url_keeps_its_path_and_query_without_the_fragment) {
  EXPECT_EQ(meaning("http://a.example/#top"), "a.example port 80 http ''");
  EXPECT_EQ(meaning("http://a.example#top/x"), "a.example port 80 http ''");
  EXPECT_EQ(meaning("http://a.example?q=1#x"), "a.example port 80 http '/?q=1'");
  EXPECT_EQ(meaning("http://a.example/?"), "a.example port 80 http '/?'");
  EXPECT_EQ(meaning("http://a.example//A/../b?c=\"d\"&e=\\"), "a.example port 80 http '//A/../b?c=\"d\"&e=\\'");
  EXPECT_EQ(meaning("http://a.example/h\xc3\xb6"), "a.example port 80 http '/h%C3%B6'");
  EXPECT_EQ(meaning("http://a.example/a b"),
            "'http://a.example/a b' has a blank or a control character in its path: write it as %20");
  EXPECT_EQ(meaning("http://a.example/a\tb"),
            "'http://a.example/a\\x09b' has a blank or a control character in its path: write it as %20");
  EXPECT_EQ(meaning("http://10.0.0.1-9/x"),
            "'http://10.0.0.1-9/x' is a URL of many hosts: write one for each, or the range with a port");
  const std::string longest = "/" + std::string(TargetExpression::kMaxPath - 1, 'p');
  EXPECT_EQ(meaning("http://a.example" + longest), "a.example port 80 http '" + longest + "'");
  EXPECT_NE(meaning("http://a.example" + longest + "p").find("too long: at most 2048 bytes"), std::string::npos);
}

TEST(TargetExpression, errors_quote_the_text_and_say_what_would_be_right) {
  EXPECT_EQ(meaning("10.0.0.0/33"), "'10.0.0.0/33' is not a prefix: the length after '/' must be 0 to 32");
  EXPECT_EQ(meaning("10.0.0.0/"), "'10.0.0.0/' is not a prefix: the length after '/' must be 0 to 32");
  EXPECT_EQ(meaning("2001:db8::/129"), "'2001:db8::/129' is not a prefix: the length after '/' must be 0 to 128");
  EXPECT_EQ(meaning("10.0.0.256"),
            "'10.0.0.256' is not an IPv4 address: four numbers, 0 to 255, without leading zeros");
  EXPECT_EQ(meaning("10.0.1"), "'10.0.1' is not an IPv4 address: four numbers, 0 to 255, without leading zeros");
  EXPECT_EQ(meaning("10.0.0.01"), "'10.0.0.01' is not an IPv4 address: four numbers, 0 to 255, without leading zeros");
  EXPECT_EQ(meaning("10.0.0.9-10.0.0.1"), "'10.0.0.9-10.0.0.1' is not a range: the lower address comes first");
  EXPECT_EQ(meaning("10.0.0.1-::5"), "'10.0.0.1-::5' is not a range: one end is IPv4, the other IPv6");
  EXPECT_EQ(meaning("10.0.0.1:0"), "'10.0.0.1:0' has the port '0': ports are 1 to 65535");
  EXPECT_EQ(meaning("host:99999"), "'host:99999' has the port '99999': ports are 1 to 65535");
  EXPECT_EQ(meaning("ftp://host/"),
            "'ftp://host/' has a scheme that is not probed: URLs begin with http:// or https://");
  EXPECT_EQ(meaning("https:///x"), "'https:///x' is a URL without a host: write https://host/");
  EXPECT_EQ(meaning("https://2001:db8::1/"),
            "'https://2001:db8::1/' is a URL with a bare IPv6 address: write https://[2001:db8::1]/");
  EXPECT_EQ(
      meaning("host.example/path"),
      "'host.example/path' is not a prefix: an address stands before the '/'; a URL begins with http:// or https://");
  EXPECT_EQ(meaning("fe80::1%eth0"), "'fe80::1%eth0' has a zone: addresses are written without '%'");
  EXPECT_EQ(meaning("-host"), "'-host' is not a host name: no label begins or ends with '-'");
  EXPECT_EQ(meaning("a..b"), "'a..b' is not a host name: a label has 1 to 63 characters");
  EXPECT_EQ(meaning("h\xc3\xb6st"), "'h\\xc3\\xb6st' is not a host name: write international names in their xn-- form");
  EXPECT_EQ(meaning("10.0.0.1 10.0.0.2"),
            "'10.0.0.1 10.0.0.2' is more than one target: write one a line, or as arguments of their own");
  EXPECT_EQ(meaning(std::string("a\0b", 3)), "'a\\x00b' is not text: binary data where a target belongs");
  EXPECT_EQ(meaning(""), "'' is no target: an address, CIDR, range, host name or URL belongs here");
}

TEST(TargetExpression, a_name_has_at_most_253_characters_and_labels_of_63) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_EQ(meaning(longest), longest);
  EXPECT_NE(meaning(longest + "b").find("at most 253"), std::string::npos);
  EXPECT_NE(meaning(label + "a").find("1 to 63"), std::string::npos);
}

TEST(TargetExpression, a_long_text_is_quoted_in_part) { EXPECT_LT(meaning(std::string(100'000, '@')).size(), 300u); }

}  // namespace
}  // namespace sonde::targets
