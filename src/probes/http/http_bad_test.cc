// The http probe with peers that do as they should not: each has its outcome and its words, however it is cut, and what
// came before the trouble stays in the record.
#include <gtest/gtest.h>

#include "probes/http/drive.h"
#include "wire/service_samples.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder
using Options = Ready::Options;

const std::string kHead = "HTTP/1.1 200 OK\r\nServer: x\r\n";

Told tell(const std::string& said, End end = End::kSilence, const Options& options = {}) {
  Ready ready(options);
  Drive drive;
  return drive.run_cut(ready, [&] { return std::vector{saying(said, end)}; });
}

TEST(HttpBad, silence_fin_and_reset_before_a_word) {
  Ready ready;
  Drive drive;
  const auto end = [&](End how) { return drive.run(ready, {plain({}, how)}); };
  EXPECT_EQ(end(End::kSilence).outcome, Outcome::kTimeout);
  EXPECT_EQ(end(End::kSilence).error, "") << "the engine knows the cause";
  EXPECT_EQ(end(End::kFin).outcome, Outcome::kClosed);
  EXPECT_EQ(end(End::kFin).error, "closed without a word");
  EXPECT_EQ(end(End::kReset).outcome, Outcome::kReset);
  EXPECT_EQ(end(End::kReset).error, "reset without a word");
  EXPECT_EQ(end(End::kFin)["http.url"], "http://test.example/");
  EXPECT_FALSE(end(End::kFin).has("http.status"));
}

TEST(HttpBad, the_end_at_every_byte_of_an_answer) {
  const std::string answer = kHead + "Content-Length: 6\r\n\r\nhello\n";
  const std::size_t body = answer.find("hello");
  for (std::size_t size = 1; size < answer.size(); ++size) {
    SCOPED_TRACE(size);
    const bool known = size >= 5;        // "HTTP/"
    const bool has_status = size >= 17;  // the status line
    const bool in_head = size < body;
    const Told fin = tell(answer.substr(0, size), End::kFin);
    EXPECT_EQ(fin.outcome, known ? Outcome::kClosed : Outcome::kProtocolError);
    EXPECT_EQ(fin.error, !known    ? "the answer is not HTTP"
                         : in_head ? "the answer ends within its head"
                                   : "the answer ends within its body");
    EXPECT_EQ(fin.has("http.status"), has_status);
    EXPECT_EQ(fin["http.truncated"], size > body ? "true" : "");
    const Told reset = tell(answer.substr(0, size), End::kReset);
    EXPECT_EQ(reset.outcome, Outcome::kReset);
    EXPECT_EQ(reset.error, "reset within the answer");
    const Told silence = tell(answer.substr(0, size));
    EXPECT_EQ(silence.outcome, Outcome::kTimeout);
    EXPECT_EQ(silence.error, in_head ? "the head did not end in time" : "the answer did not end in time");
    EXPECT_EQ(silence.has("http.status"), has_status);
  }
}

TEST(HttpBad, content_lengths_that_lie) {
  const Told too_long = tell(kHead + "Content-Length: 100\r\n\r\nhello\n", End::kFin);
  EXPECT_EQ(too_long.outcome, Outcome::kClosed);
  EXPECT_EQ(too_long["http.body_bytes"], "6");
  EXPECT_EQ(too_long["http.content_length"], "100");
  EXPECT_EQ(too_long["http.truncated"], "true");
  const Told too_short = tell(kHead + "Content-Length: 2\r\n\r\nhello\n", End::kFin);
  EXPECT_EQ(too_short.outcome, Outcome::kSuccess);
  EXPECT_EQ(too_short["http.body_bytes"], "2");
  EXPECT_EQ(too_short["http.truncated"], "false");
  for (const char* length : {"-1", "1e3", "9223372036854775808", "18446744073709551617", "6, 7"}) {
    const Told told = tell(kHead + "Content-Length: " + length + "\r\n\r\nhello\n", End::kFin);
    EXPECT_EQ(told.outcome, Outcome::kProtocolError) << length;
    EXPECT_EQ(told.error, "Content-Length is not one number below 2^63") << length;
    EXPECT_EQ(told["http.status"], "200") << length;
    EXPECT_FALSE(told.has("http.content_length")) << length;
  }
}

TEST(HttpBad, chunks) {
  const auto chunks = [](const std::string& text) { return kHead + "Transfer-Encoding: chunked\r\n\r\n" + text; };
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"8000000000000000\r\nhello", "a chunk is larger than 2^63 - 1 bytes"},
      {"ffffffffffffffffffffff\r\nhello", "a chunk is larger than 2^63 - 1 bytes"},
      {"-1\r\nhello", "a chunk begins without its size"},
      {"5\r\nhello!", "a chunk is longer than its size"},
      {"5\r\nhello\r\n0\r\nx" + std::string(70'000, 'y'), "the trailers are longer than 64 KiB"},
      {"5;" + std::string(20'000, 'y'), "a chunk's head is longer than 16 KiB"}};
  for (const auto& [text, error] : bad) {
    const Told told = tell(chunks(text), End::kFin);
    EXPECT_EQ(told.outcome, Outcome::kProtocolError) << text.substr(0, 40);
    EXPECT_EQ(told.error, error);
    EXPECT_EQ(told["http.status"], "200");
  }
  const Told half = tell(chunks("5\r\nhello\r\n5\r\nwo"), End::kFin);
  EXPECT_EQ(half.outcome, Outcome::kClosed);
  EXPECT_EQ(half["http.body_bytes"], "7");
  const Told endless = tell(chunks("7fffffffffffffff\r\n" + std::string(200'000, 'x')));
  EXPECT_EQ(endless.outcome, Outcome::kSuccess);
  EXPECT_EQ(endless["http.body_bytes"], "65536");
  EXPECT_EQ(endless["http.truncated"], "true");
}

TEST(HttpBad, heads_without_end) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {kHead + "X: " + std::string(200'000, 'x'), "a line of the head is longer than 16 KiB"},
      {"HTTP/1.1 200 " + std::string(200'000, 'x'), "a line of the head is longer than 16 KiB"},
      {kHead +
           [] {
             std::string text;
             while (text.size() < 200'000)
               text += "X-" + std::to_string(text.size()) + ": " + std::string(1000, 'x') + "\r\n";
             return text;
           }(),
       "the head is longer than 64 KiB"},
      {kHead +
           [] {
             std::string text;
             for (int i = 0; i < 300; ++i) text += "X: y\r\n";
             return text;
           }(),
       "more than 256 headers"},
      {[] {
         std::string text;
         for (int i = 0; i < 100; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
         return text;
       }(),
       "more than 8 interim answers"}};
  for (const auto& [text, error] : bad) {
    Ready ready;
    Drive drive;
    const Told told = drive.run(ready, {saying(text, End::kFin)});
    EXPECT_EQ(told.outcome, Outcome::kProtocolError) << error;
    EXPECT_EQ(told.error, error);
    EXPECT_LE(told.heard, 65536U + 16384U) << "the rest was not read";
    EXPECT_LE(told.most_leases, 2U);
    drive.piece = 1009;
    EXPECT_TRUE(drive.run(ready, {saying(text, End::kFin)}).same_as(told)) << error;
  }
}

TEST(HttpBad, ten_megabytes_of_headers_are_not_kept) {
  std::string text = kHead;
  while (text.size() < 10'000'000) text += "A: " + std::string(10'000, 'b') + "\r\n";
  Ready ready;
  Drive drive;
  const Told told = drive.run(ready, {saying(text, End::kFin)});
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_LT(told.heard, 100'000U);
  EXPECT_EQ(told["http.status"], "200");
}

TEST(HttpBad, binary_heads) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {kHead + "a\x01\x02: b\r\n\r\n", "binary bytes in a header"},
      {kHead + "\xff\xfe: b\r\n\r\n", "binary bytes in a header"},
      {kHead + std::string("a: b\0c\r\n\r\n", 10), "binary bytes in a header"},
      {std::string("HTTP/1.1 200 O\0K\r\n\r\n", 20), "binary bytes in the status line"},
      {"HTTP/1.1 2x0 OK\r\n\r\n", "the status is no number of three digits"},
      {"HTTP/x.1 200 OK\r\n\r\n", "no version in the status line"}};
  for (const auto& [text, error] : bad) {
    const Told told = tell(text, End::kFin);
    EXPECT_EQ(told.outcome, Outcome::kProtocolError) << error;
    EXPECT_EQ(told.error, error);
    EXPECT_FALSE(told.has("http.speaks"));
  }
  const Told odd =
      tell(kHead + "no colon here\r\n: nameless\r\nX-Raw: a\x1b[2J\xe2\x80\xae\xff\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(odd.outcome, Outcome::kSuccess) << odd.error;
  EXPECT_EQ(odd["http.headers"], R"({"server":"x","x-raw":"a\\x1b[2J)"
                                 "\u202e"
                                 R"(\\xff","content-length":"0"})");
}

TEST(HttpBad, who_speaks_something_else_is_named) {
  const std::vector<std::tuple<std::string, std::string>> others = {
      {"SSH-2.0-OpenSSH_9.2p1\r\n", "ssh"},
      {"220 mail.example ESMTP Postfix\r\n", "smtp"},
      {"220-mail.example ESMTP Postfix\r\n220 ready\r\n", "smtp"},
      {"* OK Dovecot ready.\r\n", "imap"},
      {"-ERR wrong number of arguments for 'get' command\r\n", "redis"},
      {std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "tls"},
      {wire::samples::mysql("8.0.36"), "mysql"}};
  for (const auto& [text, name] : others) {
    for (const End end : {End::kSilence, End::kFin, End::kReset}) {
      const Told told = tell(text, end);
      EXPECT_EQ(told.outcome, Outcome::kProtocolError) << name;
      EXPECT_EQ(told["http.speaks"], name);
      EXPECT_EQ(told.error, "the port speaks " + name + ", not HTTP");
      EXPECT_FALSE(told.has("http.status"));
    }
    EXPECT_EQ(tell(text).took, 0) << "what is known at once is told at once";
  }
}

TEST(HttpBad, who_speaks_nothing_known_is_given_half_a_second) {
  for (const std::string& text : {std::string("welcome to the machine\n"), std::string("\x00\xff\xfe\x80", 4),
                                  std::string(17, ' '), std::string("{\"error\": 1}")}) {
    const Told told = tell(text);
    EXPECT_EQ(told.outcome, Outcome::kProtocolError);
    EXPECT_EQ(told.error, "the answer is not HTTP");
    EXPECT_FALSE(told.has("http.speaks"));
    EXPECT_EQ(told.took, kSecond / 2);
    EXPECT_EQ(tell(text, End::kFin).took, 0);
  }
  const Told flood = tell(std::string(1'000'000, 'x'));
  EXPECT_EQ(flood.outcome, Outcome::kProtocolError);
  EXPECT_EQ(flood.took, 0) << "4 KiB are enough";
  EXPECT_LE(flood.heard, 16384U);
}

TEST(HttpBad, a_greeting_before_the_request_is_heard_too) {
  Ready ready;
  Drive drive;
  const auto scene = [] {
    return std::vector<Meeting>{{.peer = std::make_shared<PlainPeer>(std::vector<std::string>{}, "SSH-2.0-x\r\n"),
                                 .end = End::kSilence,
                                 .unopened = {}}};
  };
  EXPECT_EQ(drive.run_cut(ready, scene)["http.speaks"], "ssh");
}

TEST(HttpBad, interim_answers_and_then_nonsense) {
  const Told told = tell("HTTP/1.1 100 Continue\r\n\r\nwhat?", End::kFin);
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.error, "no status line follows an interim answer");
  EXPECT_FALSE(told.has("http.speaks"));
}

TEST(HttpBad, nonsense_on_a_kept_connection_has_no_name) {
  Ready ready(Options{{"repeat", "2"}});
  Drive drive;
  const Told told = drive.run_cut(
      ready, [] { return std::vector{plain({kHead + "Content-Length: 0\r\n\r\n", "220 mail.example ESMTP\r\n"})}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.error, "the answer is not HTTP");
  EXPECT_FALSE(told.has("http.speaks"));
  EXPECT_EQ(told["http.requests"], "1");
}

}  // namespace
}  // namespace sonde::probes
