// Http1Response beside the strict parser of Boost.Beast: whatever answer that one accepts as whole, ours reads in the
// same way, byte for byte: status, fields, body, and where the answer ends. Answers are a table, the seeds of the
// fuzzer and seeded mutations of them all.
//
// Meant differences, where Beast accepts:
//  - a status below 100: an error here;
//  - 1xx answers: Beast ends with them, here they are skipped (the test skips them for Beast too);
//  - trailers: Beast adds them to the fields, here they are counted;
//  - a folded value: Beast joins the lines with the blanks that they end in, here with one space (compared without
//  blanks);
//  - bounds: a line of 16 KiB, 256 headers;
//  - a Transfer-Encoding with an item that is no token, or with "chunked" twice: not chunked for Beast, chunked here
//    when that is the last item;
//  - LF alone within a chunk's extension: an end of the line here;
//  - leading blanks, LF alone, odd lines and the like are accepted here alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "base/mix.h"
#include "wire/ascii.h"
#include "wire/http1_response_drive.h"

namespace sonde::wire {
namespace {

namespace http = boost::beast::http;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct BeastAnswer {
  int status = 0;
  Fields fields;
  std::string body;
  std::size_t consumed = 0;
};

// One answer off the front of `text`, FIN behind it; absent when Beast refuses it or wants more.
std::optional<BeastAnswer> beast_one(std::string_view text, bool head) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.skip(head);
  parser.header_limit(Http1Response::kHeadLimit);
  parser.body_limit(boost::none);
  std::size_t consumed = 0;
  while (!parser.is_done()) {
    boost::system::error_code error;
    const std::size_t taken = parser.put(boost::asio::buffer(text.data() + consumed, text.size() - consumed), error);
    consumed += taken;
    if (error == http::error::need_more || (!error && taken == 0) || consumed == text.size()) break;
    if (error) return std::nullopt;
  }
  if (!parser.is_done()) {
    boost::system::error_code error;
    if (!parser.is_header_done()) return std::nullopt;
    parser.put_eof(error);
    if (error || !parser.is_done()) return std::nullopt;
  }
  BeastAnswer answer{
      .status = static_cast<int>(parser.get().result_int()), .body = parser.get().body(), .consumed = consumed};
  for (const auto& field : parser.get()) answer.fields.emplace_back(field.name_string(), field.value());
  return answer;
}

std::optional<BeastAnswer> beast(std::string_view text, bool head) {
  std::size_t skipped = 0;
  while (true) {
    auto answer = beast_one(text.substr(skipped), head);
    if (!answer) return answer;
    answer->consumed += skipped;
    if (answer->status < 100 || answer->status >= 200 || answer->status == 101) return answer;
    skipped = answer->consumed;
  }
}

// With runs of blanks as one, and in the order of names: Beast keeps the fields of one name together.
Fields comparable(Fields fields) {
  for (auto& [name, value] : fields) {
    std::ranges::transform(name, name.begin(), lower);
    std::ranges::replace(value, '\t', ' ');
    const auto repeated = std::ranges::unique(value, [](char a, char b) { return a == ' ' && b == ' '; });
    value.erase(repeated.begin(), repeated.end());
    value = trimmed(value);
  }
  const std::multimap<std::string, std::string> by_name(fields.begin(), fields.end());
  return {by_name.begin(), by_name.end()};
}

// Beast looks for the first "chunked", and no farther than to an item that is no token.
bool has_odd_coding(const Fields& fields) {
  bool odd = false;
  int chunked = 0;
  for (const auto& [name, value] : fields) {
    if (!equal_fold(name, "transfer-encoding")) continue;
    for_each_item(value, [&](std::string_view item) {
      odd = odd || !is_token(item);
      chunked += equal_fold(item, "chunked") ? 1 : 0;
    });
  }
  return odd || chunked > 1;
}

// LF without CR: it ends a chunk's extension here, for Beast it is a part of one.
bool has_lone_lf(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    if (at == 0 || text[at - 1] != '\r') return true;
  return false;
}

// Whether Beast accepted it.
bool compare(std::string_view text, std::string_view method) {
  const auto theirs = beast(text, method == "HEAD");
  if (!theirs || theirs->status < 100) return false;
  const auto bytes = as_bytes(text);
  const PlayedAnswer ours = play_http1_response(method, bytes, [&](std::size_t) { return bytes.size(); });
  const auto shown = [&] { return testing::Message() << method << " " << ours.error << "\n" << text; };
  if (ours.error == "more than 8 interim answers" || has_odd_coding(ours.fields)) return false;
  if (ours.framing == Http1Response::Framing::kChunked && has_lone_lf(text)) return false;
  EXPECT_TRUE(ours.complete) << shown();
  EXPECT_EQ(ours.status, theirs->status) << shown();
  EXPECT_EQ(ours.body, theirs->body) << shown();
  EXPECT_EQ(text.size() - ours.surplus.size(), theirs->consumed) << shown();
  if (ours.trailers == 0) {
    EXPECT_EQ(comparable(ours.fields), comparable(theirs->fields)) << shown();
  }
  return true;
}

std::vector<std::string> answers() {
  std::vector<std::string> all = {
      "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nto the close",
      "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\nsurplus",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x/1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhellomore",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
      "HTTP/1.1 200 \r\nContent-Length: 0\r\nX: \r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: /a\r\nA:\r\n folded\r\n\tand more \r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b;c=\"d\"\r\n!\r\n0\r\n\r\nsurplus",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n00000003\r\nabc\r\n0;x\r\nA: b\r\nC: d\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nto the close",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframes",
      "HTTP/1.1 200 OK\r\nConnection: close, keep-alive\r\nProxy-Connection: close\r\n\r\nbody",
      "HTTP/1.1 500 Internal \xe9rror\r\nX-Bytes: \xff\x80\r\n\r\n"};
  const auto corpus = std::filesystem::path(SONDE_CORPUS) / "http1_response_fuzz";
  std::vector<std::filesystem::path> seeds(std::filesystem::directory_iterator(corpus), {});
  std::ranges::sort(seeds);
  for (const auto& seed : seeds) {
    std::ifstream file(seed, std::ios::binary);
    file.get();  // chooses method and cuts
    all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return all;
}

// A few bytes changed, dropped, doubled, or exchanged for what matters to a parser.
std::string mutated(std::string text, std::uint64_t seed) {
  constexpr std::string_view kWords[] = {"\r\n", "\n", ":", " ", "0", "\t", ",", "\r\n ", "chunked", "9", ";", "a\r\n"};
  const auto random = [&seed](std::size_t below) { return static_cast<std::size_t>((seed = mix64(seed)) % below); };
  for (std::size_t changes = 1 + random(3); changes > 0; --changes) {
    const std::size_t at = random(text.size() + 1);
    const std::size_t size = std::min(random(4), text.size() - at);
    const auto kind = random(4);
    if (kind == 0) text.erase(at, size);
    if (kind == 1) text.insert(at, kWords[random(std::size(kWords))]);
    if (kind == 2) text.insert(random(text.size() + 1), text.substr(at, random(40)));
    if (kind == 3 && at < text.size()) text[at] = static_cast<char>(random(256));
  }
  return text;
}

TEST(Http1ResponseBesideBeast, reads_what_beast_reads_in_the_same_way) {
  const auto all = answers();
  ASSERT_GT(all.size(), 20U);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string_view method : {"GET", "HEAD"}) {
      accepted += compare(all[i], method) ? 1 : 0;
      for (std::uint64_t seed = 0; seed < 1500 && !HasFailure(); ++seed)
        accepted += compare(mutated(all[i], mix64(i, seed)), method) ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, all.size() * 500) << "too few were accepted for the test to mean something";
}

}  // namespace
}  // namespace sonde::wire
