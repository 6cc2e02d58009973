#include "wire/http1_response.h"

#include <gtest/gtest.h>

#include "wire/http1_response_drive.h"

namespace sonde::wire {
namespace {

using State = Http1Response::State;
using Kind = Http1Response::Kind;
using Framing = Http1Response::Framing;
using Fields = std::vector<std::pair<std::string, std::string>>;

// The answer whole, and checked to be the same in single bytes and cut in two at every place.
PlayedAnswer play(std::string_view text, std::string_view method = "GET",
                  Http1Response::Manner manner = Http1Response::Manner::kLenient) {
  const auto bytes = as_bytes(text);
  const auto whole = play_http1_response(method, bytes, [&](std::size_t) { return bytes.size(); }, manner);
  EXPECT_TRUE(whole == play_http1_response(
                           method, bytes, [](std::size_t) { return 1; }, manner))
      << text.substr(0, 600);
  for (std::size_t at = 1; at < std::min<std::size_t>(bytes.size(), 600); ++at) {
    const auto halves =
        play_http1_response(method, bytes, [&](std::size_t given) { return given == 0 ? at : bytes.size(); }, manner);
    EXPECT_TRUE(whole == halves) << "cut at " << at << ": " << text.substr(0, 600);
  }
  return whole;
}

std::string error_of(std::string_view text) { return play(text).error; }
std::string with_headers(std::string_view headers) { return "HTTP/1.1 200 OK\r\n" + std::string(headers) + "\r\n"; }

TEST(Http1Response, reads_status_headers_and_a_body_of_declared_length) {
  const auto answer = play(
      "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nSet-Cookie: a=1\r\nset-cookie:b=2\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.kind, Kind::kHttp);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.version, "1.1");
  EXPECT_EQ(answer.reason, "Not Found");
  EXPECT_EQ(answer.framing, Framing::kLength);
  EXPECT_EQ(answer.content_length, 5);
  EXPECT_EQ(answer.fields,
            (Fields{{"Server", "nginx"}, {"Set-Cookie", "a=1"}, {"set-cookie", "b=2"}, {"Content-Length", "5"}}));
  EXPECT_EQ(answer.headers, 4U);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.keep_alive);
}

TEST(Http1Response, what_follows_the_body_is_surplus) {
  const auto answer = play("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.surplus, "HTTP/1.1 200 OK\r\n");
}

TEST(Http1Response, status_lines_are_read_leniently) {
  for (const std::string_view line : {"HTTP/1.1 200", "HTTP/1.1 200 ", "http/1.1  200", "HTTP/1.1\t200"}) {
    const auto answer = play(std::string(line) + "\r\n\r\n");
    EXPECT_EQ(answer.status, 200) << line;
    EXPECT_EQ(answer.reason, "") << line;
    EXPECT_TRUE(answer.complete) << line;
  }
  EXPECT_EQ(play("HTTP/2 200 OK\n\n").version, "2.0");
  EXPECT_EQ(play("\r\n\r\nHTTP/1.0 200 All is  well \n\n").reason, "All is  well");
}

TEST(Http1Response, a_broken_status_line_is_an_error_of_http) {
  for (const std::string_view line :
       {"HTTP/ 200 OK", "HTTP/1.1", "HTTP/1.1200 OK", "HTTP/1.10 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
        "HTTP/1.1 200OK", "HTTP/1.1 099 No", "HTTP/1.1 OK", "HTTP/x.y 200 OK"}) {
    const auto answer = play(std::string(line) + "\r\n\r\n");
    EXPECT_EQ(answer.state, State::kError) << line;
    EXPECT_EQ(answer.kind, Kind::kHttp) << line;
    EXPECT_EQ(answer.status, 0) << line;
    EXPECT_FALSE(answer.truncated) << line;
  }
}

TEST(Http1Response, what_is_neither_http_nor_html_is_not_http) {
  for (const std::string_view text :
       {"SSH-2.0-OpenSSH_9.2p1\r\n", "220 mail ESMTP\r\n", "RTSP/1.0 400 Bad Request\r\n\r\n", "<?xml version='1.0'?>",
        "<stream:error>", "HTTQ", "\x15\x03\x01", "                 HTTP/1.1 200 OK\r\n\r\n"}) {
    const auto answer = play(text);
    EXPECT_EQ(answer.kind, Kind::kUnknown) << text;
    EXPECT_EQ(answer.state, State::kError) << text;
    EXPECT_FALSE(answer.truncated) << text;
  }
}

TEST(Http1Response, html_without_a_status_line_is_http_0_9) {
  for (const std::string_view text : {"<html>\n<title>old</title>", "<!DOCTYPE HTML PUBLIC>", "\r\n<H1>hello</H1>",
                                      "<!-- a --><html>", "<a href=x>"}) {
    const auto answer = play(text);
    EXPECT_EQ(answer.kind, Kind::kHttp09) << text;
    EXPECT_EQ(answer.version, "0.9");
    EXPECT_EQ(answer.body, text);
    EXPECT_TRUE(answer.complete);
    EXPECT_FALSE(answer.keep_alive);
    EXPECT_TRUE(answer.fields.empty());
  }
  EXPECT_EQ(play("<htm").error, "the answer ends within its head");
}

TEST(Http1Response, icy_is_a_kind_of_its_own) {
  const auto answer = play("ICY 200 OK\r\nicy-name: radio\r\n\r\nnoise");
  EXPECT_EQ(answer.kind, Kind::kIcy);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.reason, "OK");
  EXPECT_EQ(answer.body, "noise");
  EXPECT_EQ(answer.fields, (Fields{{"icy-name", "radio"}}));
  EXPECT_FALSE(answer.keep_alive);
}

TEST(Http1Response, interim_answers_are_skipped) {
  const auto answer = play(
      "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\nConnection: close\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
      "x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nok");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.interim, 2U);
  EXPECT_EQ(answer.fields, (Fields{{"Content-Length", "2"}, {"A", "b"}}));
  EXPECT_EQ(answer.body, "ok");
  EXPECT_TRUE(answer.keep_alive);
}

TEST(Http1Response, interim_answers_have_a_bound) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_TRUE(play(text + "HTTP/1.1 204 No\r\n\r\n").complete);
  EXPECT_EQ(error_of(text + "HTTP/1.1 100 Continue\r\n\r\n"), "more than 8 interim answers");
  EXPECT_EQ(error_of("HTTP/1.1 100 Continue\r\n\r\n<html>"), "no status line follows an interim answer");
}

TEST(Http1Response, switching_protocols_ends_the_answer) {
  const auto answer = play("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.status, 101);
  EXPECT_EQ(answer.surplus, "\x81\x05hello");
  EXPECT_FALSE(answer.keep_alive);
}

TEST(Http1Response, some_answers_have_no_body_whatever_they_declare) {
  const std::string headers = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(play("HTTP/1.1 204 No Content\r\n" + headers).framing, Framing::kNone);
  EXPECT_EQ(play("HTTP/1.1 304 Not Modified\r\n" + headers).framing, Framing::kNone);
  const auto head = play("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD");
  EXPECT_TRUE(head.complete);
  EXPECT_EQ(head.content_length, 5);
  EXPECT_TRUE(head.keep_alive);
  const auto tunnel = play("HTTP/1.1 200 OK\r\n\r\nSSH-2.0", "CONNECT");
  EXPECT_EQ(tunnel.surplus, "SSH-2.0");
  EXPECT_FALSE(tunnel.keep_alive);
  EXPECT_EQ(play("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "CONNECT").body, "no");
}

TEST(Http1Response, equal_lengths_are_one_and_unequal_ones_an_error) {
  EXPECT_EQ(play(with_headers("Content-Length: 2\r\nContent-Length: 2, 2\r\n") + "ok").body, "ok");
  for (const std::string_view value : {"2\r\nContent-Length: 3", "2, 3", "", "2,", "-2", "+2", "2 2", "0x2", "2.0",
                                       "9223372036854775808", "18446744073709551618"}) {
    const auto answer = play(with_headers("Content-Length: " + std::string(value) + "\r\n") + "ok");
    EXPECT_EQ(answer.error, "Content-Length is not one number below 2^63") << value;
    EXPECT_EQ(answer.status, 200) << value;
    EXPECT_EQ(answer.content_length, std::nullopt) << value;
  }
  const auto largest = play(with_headers("Content-Length: 9223372036854775807\r\n") + "ok");
  EXPECT_EQ(largest.content_length, 9223372036854775807ULL);
  EXPECT_TRUE(largest.truncated);
}

TEST(Http1Response, chunks_are_put_together) {
  const auto answer = play(with_headers("Transfer-Encoding: chunked\r\n") +
                           "5\r\nhello\r\n1;name=value\r\n \r\n0A \t\r\n0123456789\r\n000\r\n\r\nmore");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.framing, Framing::kChunked);
  EXPECT_EQ(answer.body, "hello 0123456789");
  EXPECT_EQ(answer.surplus, "more");
  EXPECT_TRUE(answer.keep_alive);
}

TEST(Http1Response, trailers_are_counted) {
  const auto answer = play(with_headers("Transfer-Encoding: chunked\r\n") +
                           "1\r\na\r\n0\r\nDigest: x\r\n folded\r\nExpires: y\r\n\r\nmore");
  EXPECT_EQ(answer.trailers, 2U);
  EXPECT_EQ(answer.surplus, "more");
}

TEST(Http1Response, chunks_may_end_their_lines_in_lf_alone) {
  EXPECT_EQ(play("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n").body, "abc");
}

TEST(Http1Response, broken_chunks_keep_what_came_before) {
  const auto broken = [](std::string_view body) {
    return play(with_headers("Transfer-Encoding: chunked\r\n") + std::string(body));
  };
  EXPECT_EQ(broken("3\r\nabc\r\nxyz\r\n").error, "a chunk begins without its size");
  EXPECT_EQ(broken("3\r\nabc\r\nxyz\r\n").body, "abc");
  EXPECT_EQ(broken("3\r\nabcd\r\n").error, "a chunk is longer than its size");
  EXPECT_EQ(broken("3\r\nabc\rd\r\n").error, "a chunk is longer than its size");
  EXPECT_EQ(broken("3g\r\nabc").error, "a chunk's size is not hexadecimal");
  EXPECT_EQ(broken("3 3\r\nabc").error, "a chunk's size is not hexadecimal");
  EXPECT_EQ(broken("3\rabc").error, "a chunk's head has no end");
  EXPECT_EQ(broken("0\r\n\rx").error, "no empty line behind the last chunk");
  EXPECT_EQ(broken("8000000000000000\r\nabc").error, "a chunk is larger than 2^63 - 1 bytes");
  EXPECT_EQ(broken("0007fffffffffffffff\r\nabc").body, "abc");
  EXPECT_TRUE(broken("3\r\nab").truncated);
  EXPECT_TRUE(broken("3\r\nabc\r\n").truncated);
  EXPECT_TRUE(broken("3\r\nabc\r\n0\r\n").truncated);
  EXPECT_EQ(broken("3;" + std::string(Http1Response::kLineLimit, 'x') + "\r\nabc").error,
            "a chunk's head is longer than 16 KiB");
  EXPECT_EQ(broken(std::string(Http1Response::kLineLimit + 1, '0')).error, "a chunk's head is longer than 16 KiB");
}

TEST(Http1Response, trailers_have_a_bound) {
  std::string body = "0\r\n";
  for (int i = 0; i < 256; ++i) body += "A: b\r\n";
  EXPECT_EQ(play(with_headers("Transfer-Encoding: chunked\r\n") + body + "\r\n").trailers, 256U);
  EXPECT_EQ(error_of(with_headers("Transfer-Encoding: chunked\r\n") + body + "A: b\r\n\r\n"), "more than 256 trailers");
  EXPECT_EQ(error_of(with_headers("Transfer-Encoding: chunked\r\n") + "0\r\n" + std::string(70'000, 'x')),
            "the trailers are longer than 64 KiB");
}

TEST(Http1Response, chunked_wins_over_a_length_and_ends_the_connection) {
  for (const std::string_view length : {"1", "x", "1, 2"}) {
    const auto answer =
        play(with_headers("Content-Length: " + std::string(length) + "\r\nTransfer-Encoding: gzip, Chunked\r\n") +
             "2\r\nok\r\n0\r\n\r\n");
    EXPECT_EQ(answer.body, "ok");
    EXPECT_FALSE(answer.keep_alive);
  }
}

TEST(Http1Response, a_coding_that_is_not_chunked_lasts_to_the_close) {
  EXPECT_EQ(play(with_headers("Transfer-Encoding: chunked, gzip\r\nContent-Length: 1\r\n") + "body").body, "body");
  EXPECT_EQ(play(with_headers("Transfer-Encoding: identity\r\nContent-Length: 2\r\n") + "ok").framing,
            Framing::kLength);
  EXPECT_EQ(play(with_headers("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n").framing,
            Framing::kChunked);
}

TEST(Http1Response, without_a_length_the_close_is_the_end) {
  const auto answer = play("HTTP/1.1 200 OK\r\nA: b\r\n\r\nall of it");
  EXPECT_EQ(answer.framing, Framing::kClose);
  EXPECT_EQ(answer.body, "all of it");
  EXPECT_TRUE(answer.complete);
  EXPECT_FALSE(answer.keep_alive);
}

TEST(Http1Response, keep_alive_follows_version_and_connection) {
  const auto kept = [](std::string_view version, std::string_view headers) {
    return play(std::string(version) + " 200 OK\r\nContent-Length: 0\r\n" + std::string(headers) + "\r\n").keep_alive;
  };
  EXPECT_TRUE(kept("HTTP/1.1", ""));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: Close\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: keep-alive, close\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0", ""));
  EXPECT_TRUE(kept("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0", "Connection: Keep-Alive\r\nTransfer-Encoding: identity, x\r\n"));
}

TEST(Http1Response, folded_lines_are_one_value) {
  const auto answer =
      play("HTTP/1.1 200 OK\r\nA: one\r\n two\r\n\t three \r\nContent-Length:\r\n 2\r\nB:\r\n \r\nC: c\r\n\r\nok");
  EXPECT_EQ(answer.fields, (Fields{{"A", "one two three"}, {"Content-Length", "2"}, {"B", ""}, {"C", "c"}}));
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.odd_lines, 0U);
}

TEST(Http1Response, blanks_before_the_colon_are_dropped) {
  EXPECT_EQ(play("HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\n\r\nok").body, "ok");
}

TEST(Http1Response, odd_lines_are_skipped_and_counted) {
  const auto answer = play(
      "HTTP/1.1 200 OK\r\n folded into nothing\r\nno colon\r\n and its fold: x\r\n: no name\r\nA B: c\r\n<p>: x\r\nA: "
      "b:c\r\n\r\n");
  EXPECT_EQ(answer.fields, (Fields{{"A", "b:c"}}));
  EXPECT_EQ(answer.odd_lines, 5U);
  EXPECT_EQ(answer.headers, 1U);
}

TEST(Http1Response, binary_bytes_are_an_error_and_what_came_before_stays) {
  using namespace std::string_view_literals;
  for (const std::string_view line : {"\x01: x"sv, "N\xc3\xa4me: x"sv, "A: b\0c"sv, "no colon \0"sv}) {
    const auto answer = play("HTTP/1.1 503 Busy\r\nServer: x\r\n" + std::string(line) + "\r\nB: c\r\n\r\n");
    EXPECT_EQ(answer.error, "binary bytes in a header");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason, "Busy");
    ASSERT_FALSE(answer.fields.empty());
    EXPECT_EQ(answer.fields[0], (Fields::value_type{"Server", "x"}));
  }
  EXPECT_EQ(play("HTTP/1.1 200 O\0K\r\n\r\n"sv).status, 200);
  EXPECT_EQ(play("HTTP/1.1 200 OK\r\nA: \xff\x01\r\n\r\n"sv).fields, (Fields{{"A", "\xff\x01"}}));
}

TEST(Http1Response, a_head_that_is_cut_short_keeps_its_whole_lines) {
  const auto answer = play("HTTP/1.1 200 OK\r\nServer: x\r\nConte");
  EXPECT_TRUE(answer.truncated);
  EXPECT_EQ(answer.error, "the answer ends within its head");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields, (Fields{{"Server", "x"}}));
  EXPECT_EQ(play("").error, "the answer ends within its head");
  EXPECT_EQ(play("\r\n\r\n").kind, Kind::kUnknown);
  EXPECT_EQ(play(with_headers("Content-Length: 3\r\n") + "ab").error, "the answer ends within its body");
}

TEST(Http1Response, heads_have_bounds) {
  const std::string line = "A: " + std::string(Http1Response::kLineLimit - 5, 'x') + "\r\n";  // as long as one may be
  EXPECT_TRUE(play(with_headers(line)).complete);
  EXPECT_EQ(error_of(with_headers("x" + line)), "a line of the head is longer than 16 KiB");
  EXPECT_EQ(error_of("HTTP/1.1 200 " + line), "a line of the head is longer than 16 KiB");

  std::string headers;
  for (int i = 0; i < 256; ++i) headers += "A: b\r\n";
  EXPECT_EQ(play(with_headers(headers)).headers, 256U);
  EXPECT_EQ(error_of(with_headers(headers + "A: b\r\n")), "more than 256 headers");

  std::string head = "HTTP/1.1 200 OK\r\n";
  while (head.size() + 1002 < Http1Response::kHeadLimit) head += "A: " + std::string(995, 'x') + "\r\n";
  head += "B: " + std::string(Http1Response::kHeadLimit - head.size() - 7, 'y') + "\r\n\r\n";
  ASSERT_EQ(head.size(), Http1Response::kHeadLimit);
  EXPECT_EQ(play(head).status, 200);
  EXPECT_TRUE(play(head).complete);
  EXPECT_EQ(error_of(head.substr(0, head.size() - 2) + "C: d\r\n\r\n"), "the head is longer than 64 KiB");
}

// --- as Go reads ---

PlayedAnswer go(std::string_view text, std::string_view method = "GET") {
  return play(text, method, Http1Response::Manner::kGo);
}

TEST(Http1ResponseAsGo, status_lines_are_of_one_form) {
  EXPECT_EQ(go("HTTP/1.1 200\r\n\r\n").status, 200);
  EXPECT_EQ(go("HTTP/1.1   200 OK\n\n").status, 200);
  EXPECT_EQ(go("HTTP/3.0 200 OK\r\n\r\n").version, "3.0");
  const auto odd = go("HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(odd.complete);
  EXPECT_EQ(odd.status, 99);
  EXPECT_EQ(odd.body, "ok");
  for (const std::string_view line :
       {"http/1.1 200 OK", "HTTP/2 200 OK", "HTTP/1.1\t200", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 -99",
        "HTTP/1.10 200 OK", "ICY 200 OK", "\r\nHTTP/1.1 200 OK", "<html>"})
    EXPECT_EQ(go(std::string(line) + "\r\n\r\n").state, State::kError) << line;
}

TEST(Http1ResponseAsGo, a_line_without_a_colon_is_an_error) {
  for (const std::string_view lines :
       {"no colon here\r\n", "no colon\r\n here: it is\r\n", " A: begins with a blank\r\n"})
    EXPECT_EQ(go(with_headers(lines)).error, "a header line without a colon") << lines;
  const auto answer = go(with_headers(": nameless\r\nodd name: x\r\nA: b\r\n c\r\nContent-Length: 2\r\n") + "ok");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.odd_lines, 2U);
  EXPECT_EQ(answer.headers, 2U);
  // With a blank behind it, it is another name.
  EXPECT_EQ(go(with_headers("Content-Length : 2\r\n") + "all of it").body, "all of it");
}

TEST(Http1ResponseAsGo, chunked_is_the_one_transfer_coding) {
  const std::string chunks = "3\r\nabc\r\n0\r\n\r\n";
  EXPECT_EQ(go(with_headers("Transfer-Encoding: Chunked\r\nContent-Length: 1\r\n") + chunks).body, "abc");
  for (const std::string_view lines :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"})
    EXPECT_EQ(go(with_headers(lines) + chunks).error, "a transfer coding that is not chunked alone") << lines;
  EXPECT_EQ(go("HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc").body, "abc");
  EXPECT_EQ(go(with_headers("Content-Length: 2, 2\r\n") + "ok").state, State::kError);
}

TEST(Http1ResponseAsGo, five_interim_answers_at_most) {
  const auto after = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "HTTP/1.1 102 Wait\r\n\r\n";
    return text + "HTTP/1.1 204 None\r\n\r\n";
  };
  EXPECT_EQ(go(after(5)).status, 204);
  EXPECT_EQ(go(after(6)).error, "more than 5 interim answers");
}

TEST(Http1ResponseAsGo, heads_are_bounded_by_their_size_alone) {
  std::string headers;
  for (int i = 0; i < 1000; ++i) headers += "A: b\r\n";
  EXPECT_EQ(go(with_headers(headers)).headers, 1000U);
  EXPECT_TRUE(go(with_headers("A: " + std::string(100'000, 'x') + "\r\n")).complete);
  const std::string endless = with_headers("A: " + std::string(Http1Response::kGoHeadLimit, 'x'));
  const auto bytes = as_bytes(endless);
  const auto cut = [](std::size_t) { return std::size_t{1} << 20; };
  EXPECT_EQ(play_http1_response("GET", bytes, cut, Http1Response::Manner::kGo).error, "the head is longer than 10 MiB");
}

TEST(HeaderValue, joins_all_of_a_name) {
  const std::string_view head = "HTTP/1.1 200 OK\r\nVary: a\r\nX: y\r\nvary: b\r\n c\r\n";
  EXPECT_EQ(header_value(head, "VARY"), "a, b c");
  EXPECT_EQ(header_value(head, "x"), "y");
  EXPECT_EQ(header_value(head, "none"), std::nullopt);
}

}  // namespace
}  // namespace sonde::wire
