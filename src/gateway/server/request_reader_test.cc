#include "gateway/server/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::gateway {
namespace {

constexpr RequestLimits kLimits{.header = 1000, .body = 100};

struct Read {
  RequestReader reader{kLimits};
  std::string waiting;

  void feed(std::string_view bytes) {
    waiting += bytes;
    waiting.erase(0, reader.take(waiting));
  }
};

unsigned refusal(std::string_view bytes) {
  Read read;
  read.feed(bytes);
  EXPECT_EQ(read.reader.state(), RequestReader::State::kRefused) << bytes;
  return read.reader.status();
}

TEST(RequestReader, a_request_is_read_and_what_is_behind_it_left) {
  Read read;
  read.feed("\r\nGET /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y:  z \r\n\r\nGET /next");
  ASSERT_EQ(read.reader.state(), RequestReader::State::kWhole);
  HttpRequest& request = read.reader.request();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/a");
  EXPECT_EQ(*request.parameter("b"), "c");
  EXPECT_EQ(*request.field("x-y"), "z");
  EXPECT_TRUE(read.reader.keep_alive());
  EXPECT_EQ(read.waiting, "GET /next");
}

TEST(RequestReader, any_cutting_gives_the_same) {
  const std::string whole =
      "\r\nPOST http://h/p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nHost: "
      "t\r\n\r\nrest";
  for (std::size_t step = 1; step <= whole.size(); ++step) {
    Read read;
    for (std::size_t at = 0; at < whole.size(); at += step) {
      if (read.reader.state() == RequestReader::State::kMore)
        read.feed(std::string_view(whole).substr(at, step));
      else
        read.waiting += whole.substr(at, step);
    }
    ASSERT_EQ(read.reader.state(), RequestReader::State::kWhole) << step;
    EXPECT_EQ(read.reader.request().body, "abc0123456789");
    EXPECT_EQ(read.reader.request().fields.size(), 2U) << "a trailer's fields are not the header's";
    EXPECT_EQ(read.waiting, "rest");
  }
}

TEST(RequestReader, keep_alive_follows_version_and_connection) {
  const auto keeps = [](std::string_view bytes) {
    Read read;
    read.feed(bytes);
    return read.reader.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestReader, what_cannot_be_read_is_400) {
  for (const char* bytes : {
           "\x16\x03\x01\x02\r\n\r\n",
           "GET\r\n\r\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET nothing HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
           "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
       })
    EXPECT_EQ(refusal(bytes), 400U) << bytes;
}

TEST(RequestReader, what_is_not_spoken_is_501_or_505_or_417) {
  EXPECT_EQ(refusal("CONNECT h:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 501U);
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked"})
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n"), 501U);
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505U);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n"), 417U);
}

TEST(RequestReader, header_and_body_have_limits) {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(refusal("GET /" + std::string(1000, 'a')), 431U);
  EXPECT_EQ(refusal(start + "X: " + std::string(1000, 'a') + "\r\n\r\n"), 431U);
  EXPECT_EQ(refusal(start + "X: " + std::string(1000, 'a')), 431U);
  EXPECT_EQ(refusal(start + "Content-Length: 101\r\n\r\n"), 413U);
  EXPECT_EQ(refusal(start + "Content-Length: 18446744073709551615\r\n\r\n"), 413U);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: chunked\r\n\r\n65\r\n"), 413U);
  const std::string chunk = "32\r\n" + std::string(50, 'a') + "\r\n";
  EXPECT_EQ(refusal(start + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk), 413U);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(1001, 'x')), 431U);
  Read fits;
  fits.feed(start + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + "0\r\n\r\n");
  EXPECT_EQ(fits.reader.request().body.size(), 100U);
}

TEST(RequestReader, who_waits_for_100_is_told_of_once_and_only_when_the_body_is_not_there) {
  Read read;
  read.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(read.reader.wants_continue());
  EXPECT_FALSE(read.reader.wants_continue());
  read.feed("ab");
  EXPECT_EQ(read.reader.request().body, "ab");
  Read at_once;
  at_once.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_FALSE(at_once.reader.wants_continue());
}

}  // namespace
}  // namespace sonde::gateway
