#include <gtest/gtest.h>

#include <string>

#include "wire/cut_anywhere.h"
#include "wire/http_head.h"
#include "wire/line.h"
#include "wire/redis.h"
#include "wire/reply.h"
#include "wire/ssh.h"

namespace sonde::wire {
namespace {

template <typename Processor>
auto parse(const Processor& processor, std::string_view text) {
  check_cut_anywhere(processor, as_bytes(text), [](const auto&, const auto&) { return true; });
  return processor.parse(as_bytes(text));
}

template <typename Result>
bool is_frame(const Result& result) {
  return result.kind == Result::Kind::kFrame;
}
template <typename Result>
bool is_error(const Result& result) {
  return result.kind == Result::Kind::kError;
}
template <typename Result>
bool needs(const Result& result) {
  return result.kind == Result::Kind::kNeed;
}

TEST(Line, ends_with_lf_or_crlf) {
  EXPECT_EQ(parse(LineProcessor(), "a\r\nb").frame, "a");
  EXPECT_EQ(parse(LineProcessor(), "a\nb").frame, "a");
  EXPECT_EQ(parse(LineProcessor(), "\r\r\n").frame, "\r");
  EXPECT_EQ(parse(LineProcessor(), "\n").frame, "");
  EXPECT_TRUE(needs(parse(LineProcessor(), "abc")));
  EXPECT_TRUE(is_error(parse(LineProcessor(4), "abcd\n")));
  EXPECT_TRUE(is_frame(parse(LineProcessor(4), "abc\n")));
}

TEST(Reply, of_one_and_of_many_lines) {
  const auto one = parse(ReplyProcessor(), "220 mail ESMTP\r\nx");
  EXPECT_EQ(one.frame.code, 220);
  EXPECT_EQ(one.frame.text, "220 mail ESMTP");
  EXPECT_EQ(one.consumed, 16U);
  EXPECT_EQ(parse(ReplyProcessor(), "220-a\r\n220-b\n220 c\r\n").frame.text, "220-a\r\n220-b\n220 c");
  EXPECT_EQ(parse(ReplyProcessor(), "220-a\r\n free text\r\n 220 not yet\r\n220 end\r\n").frame.text,
            "220-a\r\n free text\r\n 220 not yet\r\n220 end");
  EXPECT_EQ(parse(ReplyProcessor(), "220-a\r\n221 other\r\n220 end\r\n").frame.code, 220)
      << "another code ends nothing";
  EXPECT_TRUE(needs(parse(ReplyProcessor(), "220-a\r\n220-b\r\n")));
  EXPECT_TRUE(needs(parse(ReplyProcessor(), "22")));
  for (const char* wrong : {"2x0 a\r\n", "hello\r\n", "2200 a\r\n", "22\r\n", "220_a\r\n"})
    EXPECT_TRUE(is_error(parse(ReplyProcessor(), wrong))) << wrong;
  EXPECT_TRUE(is_error(parse(ReplyProcessor(), "220 " + std::string(10'000, 'a'))));
}

TEST(Ssh, identification_with_and_without_comments_and_lines_before) {
  const auto plain = parse(SshProcessor(), "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
  EXPECT_EQ(plain.frame.protocol, "2.0");
  EXPECT_EQ(plain.frame.software, "OpenSSH_9.2p1");
  EXPECT_EQ(plain.frame.comments, "Debian-2+deb12u3");
  EXPECT_EQ(parse(SshProcessor(), "hello\r\nworld\r\nSSH-1.99-x\n").frame.software, "x");
  EXPECT_EQ(parse(SshProcessor(), "SSH-2-x\nrest").consumed, 8U) << "the least";
  EXPECT_TRUE(is_error(parse(SshProcessor(), "SSH-\nrest"))) << "an error needs less than a frame";
  EXPECT_TRUE(needs(parse(SshProcessor(), "SSH-2.0-Open")));
  EXPECT_TRUE(is_error(parse(SshProcessor(), "SSH-2.0\r\n")));
  EXPECT_TRUE(is_error(parse(SshProcessor(), "SSH--x\r\n")));
  EXPECT_TRUE(is_error(parse(SshProcessor(), "SSH-2.0-" + std::string(300, 'a') + "\r\n")));
  EXPECT_TRUE(is_error(parse(SshProcessor(), std::string(9000, '\n'))));
}

TEST(Redis, every_type) {
  EXPECT_EQ(parse(RedisProcessor(), "-ERR no\r\n").frame.text, "ERR no");
  EXPECT_EQ(parse(RedisProcessor(), "+PONG\r\n").frame.type, '+');
  EXPECT_EQ(parse(RedisProcessor(), ":42\r\n").frame.text, "42");
  EXPECT_EQ(parse(RedisProcessor(), "$3\r\na\r\n\r\n").frame.text, "a\r\n");
  EXPECT_EQ(parse(RedisProcessor(), "*2\r\n:1\r\n*1\r\n+a\r\nrest").consumed, 16U);
  EXPECT_EQ(parse(RedisProcessor(), "$-1\r\n").frame.text, "");
  EXPECT_EQ(RedisProcessor().parse(as_bytes("$10\r\nabc")).need, 9U);
  for (const char* wrong : {"x", ":a\r\n", "$-2\r\n", "$99999999\r\n", "$1\r\nabc", "*1\r\nx"})
    EXPECT_TRUE(is_error(parse(RedisProcessor(), wrong))) << wrong;
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "*1\r\n";
  EXPECT_TRUE(is_error(parse(RedisProcessor(), deep)));
}

TEST(HttpHead, status_reason_and_server) {
  const auto head =
      parse(HttpHeadProcessor(), "HTTP/1.1 404 Not Found\r\nDate: x\r\nSERVER:  nginx/1.22.1 \r\n\r\nbody");
  EXPECT_EQ(head.frame.status, 404);
  EXPECT_EQ(head.frame.reason, "Not Found");
  EXPECT_EQ(head.frame.server, "nginx/1.22.1");
  EXPECT_TRUE(is_frame(parse(HttpHeadProcessor(), "HTTP/1.0 200\n\n")));
  EXPECT_TRUE(needs(parse(HttpHeadProcessor(), "HTTP/1.1 200 OK\r\nServer: a\r\n")));
  for (const char* wrong :
       {"HTTP/2 200\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000\r\n", "http/1.1 200 OK\r\n", "SSH-2.0-x\r\n"})
    EXPECT_TRUE(is_error(parse(HttpHeadProcessor(), wrong))) << wrong;
}

}  // namespace
}  // namespace sonde::wire
