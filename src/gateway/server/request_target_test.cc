#include "gateway/server/request_target.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(RequestTarget, path_and_query_are_decoded) {
  HttpRequest request;
  ASSERT_TRUE(read_request_target("/pro%62e?target=a%3Ab+c&target=two&empty&=x&a=b=c", request));
  EXPECT_EQ(request.path, "/probe");
  EXPECT_EQ(request.query, (Pairs{{"target", "a:b c"}, {"target", "two"}, {"empty", ""}, {"", "x"}, {"a", "b=c"}}));
  EXPECT_EQ(*request.parameter("target"), "a:b c");
  EXPECT_EQ(request.parameter("none"), nullptr);
}

TEST(RequestTarget, a_plus_of_the_path_stays) {
  HttpRequest request;
  ASSERT_TRUE(read_request_target("/a+b", request));
  EXPECT_EQ(request.path, "/a+b");
}

TEST(RequestTarget, absolute_form_is_its_path) {
  for (const char* target : {"http://h:1/x?q=1", "HTTPS://user@h/x?q=1", "/x?q=1#fragment"}) {
    HttpRequest request;
    ASSERT_TRUE(read_request_target(target, request)) << target;
    EXPECT_EQ(request.path, "/x");
    EXPECT_EQ(request.query, (Pairs{{"q", "1"}}));
  }
  HttpRequest bare;
  ASSERT_TRUE(read_request_target("http://h?q=1", bare));
  EXPECT_EQ(bare.path, "/");
  EXPECT_EQ(bare.query, (Pairs{{"q", "1"}}));
}

TEST(RequestTarget, bad_pairs_of_a_query_are_left_out_as_go_does) {
  HttpRequest request;
  ASSERT_TRUE(read_request_target("/?a=%zz&b=1&c;d=2&e=%4&%41=3&&", request));
  EXPECT_EQ(request.query, (Pairs{{"b", "1"}, {"A", "3"}}));
}

TEST(RequestTarget, what_is_no_target_is_refused) {
  for (const char* target : {"", "x", "h:80", "/%", "/%4", "/%4g", "http://", "http:///x", "ftp://h/"}) {
    HttpRequest request;
    EXPECT_FALSE(read_request_target(target, request)) << target;
  }
  HttpRequest all;
  EXPECT_TRUE(read_request_target("*", all));
}

}  // namespace
}  // namespace sonde::gateway
