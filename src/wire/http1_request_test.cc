#include "wire/http1_request.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::wire {
namespace {

std::string written(const HttpRequest& request) {
  std::string out;
  EXPECT_TRUE(append_request(out, request));
  return out;
}

TEST(HttpRequest, has_its_defaults_in_order) {
  EXPECT_EQ(written({.target = "/a?b", .host = "example.com:8080", .user_agent = "sonde/1"}),
            "GET /a?b HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: sonde/1\r\nAccept: */*\r\n"
            "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(written({.method = "HEAD", .host = "a", .keep_alive = true}),
            "HEAD / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
            "Connection: keep-alive\r\n\r\n");
}

TEST(HttpRequest, a_header_takes_the_place_of_a_default) {
  const std::vector<HttpHeader> headers = {{"X-A", "1"}, {"accept", "text/html"}, {"HOST", "other"},
                                           {"X-A", "2"}, {"Accept-Encoding", ""}, {"X-None", ""}};
  EXPECT_EQ(written({.host = "a", .user_agent = "sonde", .headers = headers}),
            "GET / HTTP/1.1\r\nHOST: other\r\nUser-Agent: sonde\r\nConnection: close\r\n"
            "X-A: 1\r\naccept: text/html\r\nX-A: 2\r\n\r\n");
}

TEST(HttpRequest, an_empty_value_removes_a_default) {
  const std::vector<HttpHeader> headers = {
      {"Host", ""}, {"User-Agent", ""}, {"Accept", ""}, {"Accept-Encoding", ""}, {"Connection", ""}};
  EXPECT_EQ(written({.host = "a", .user_agent = "sonde", .headers = headers}), "GET / HTTP/1.1\r\n\r\n");
}

TEST(HttpRequest, a_body_has_its_length) {
  const auto last_lines = [](const HttpRequest& request) {
    const std::string text = written(request);
    return text.substr(text.find("Connection: close\r\n") + 19);
  };
  EXPECT_EQ(last_lines({.method = "POST", .host = "a", .body = "a=b\0c"}), "Content-Length: 3\r\n\r\na=b");
  EXPECT_EQ(last_lines({.method = "GET", .host = "a", .body = "x"}), "Content-Length: 1\r\n\r\nx");
  EXPECT_EQ(last_lines({.method = "PUT", .host = "a"}), "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(last_lines({.method = "DELETE", .host = "a"}), "\r\n");
  const std::vector<HttpHeader> chunked = {{"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(last_lines({.method = "POST", .host = "a", .headers = chunked, .body = "0\r\n\r\n"}),
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST(HttpRequest, what_would_break_it_apart_is_refused) {
  using namespace std::string_view_literals;
  const auto refused = [](const HttpRequest& request) {
    std::string out = "kept";
    EXPECT_FALSE(append_request(out, request));
    EXPECT_EQ(out, "kept");
    EXPECT_FALSE(check_request(request));
    return check_request(request).error().text;
  };
  for (const std::string_view evil : {"a\rb"sv, "a\nb"sv, "a\0b"sv}) {
    EXPECT_EQ(refused({.method = evil, .host = "a"}), "a method is letters and digits, as GET");
    EXPECT_TRUE(refused({.target = evil, .host = "a"}).starts_with("a path"));
    EXPECT_TRUE(refused({.host = evil}).starts_with("a host"));
    EXPECT_TRUE(refused({.host = "a", .user_agent = evil}).starts_with("a user agent"));
    const std::vector<HttpHeader> name = {{std::string(evil), "x"}};
    EXPECT_TRUE(refused({.host = "a", .headers = name}).starts_with("a header's name"));
    const std::vector<HttpHeader> value = {{"X", std::string(evil)}};
    EXPECT_TRUE(refused({.host = "a", .headers = value}).starts_with("a header's value"));
  }
  refused({.method = "", .host = "a"});
  refused({.method = "GET /", .host = "a"});
  refused({.target = "", .host = "a"});
  refused({.target = "/a b", .host = "a"});
}

TEST(ParseHeader, takes_name_and_value) {
  const auto header = parse_header("X-Trace :  a: b ");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->name, "X-Trace");
  EXPECT_EQ(header->value, "a: b");
  EXPECT_EQ(parse_header("Accept:")->value, "");
  EXPECT_EQ(parse_header("no colon").error().text, "a header is written as 'Name: value'");
  EXPECT_FALSE(parse_header(": x"));
  EXPECT_FALSE(parse_header("A B: x"));
  EXPECT_FALSE(parse_header("A: x\r\nB: y"));
}

}  // namespace
}  // namespace sonde::wire
