// Lines out of a stream of bytes, and facts out of a line.
#include "report/record_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "report/line_splitter.h"

namespace sonde::report {
namespace {

struct Seen {
  std::string text;
  std::uint64_t number = 0;
  bool too_long = false;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> lines_of(std::string_view bytes, auto piece_size) {
  LineSplitter splitter(RecordReader::kPadding);
  std::vector<Seen> seen;
  const auto take = [&] {
    while (const auto line = splitter.next()) seen.push_back({std::string(line->text), line->number, line->too_long});
  };
  while (!bytes.empty()) {
    const std::span<char> room = splitter.room();
    const std::size_t size = std::min({piece_size(), bytes.size(), room.size()});
    std::copy_n(bytes.begin(), size, room.begin());
    splitter.filled(size);
    bytes.remove_prefix(size);
    take();
  }
  splitter.finish();
  take();
  return seen;
}

TEST(LineSplitter, any_cutting_gives_the_same_lines) {
  const std::string bytes = "one\n\ntwo\r\nthree and more\n\n\nlast";
  const auto whole = lines_of(bytes, [] { return std::size_t{100}; });
  EXPECT_EQ(whole, (std::vector<Seen>{
                       {"one", 1}, {"", 2}, {"two\r", 3}, {"three and more", 4}, {"", 5}, {"", 6}, {"last", 7}}));
  for (std::size_t piece = 1; piece < bytes.size(); ++piece)
    EXPECT_EQ(lines_of(bytes, [piece] { return piece; }), whole);
}

TEST(LineSplitter, a_line_end_at_the_end_begins_no_line) {
  EXPECT_EQ(lines_of("a\n", [] { return std::size_t{9}; }), (std::vector<Seen>{{"a", 1}}));
  EXPECT_TRUE(lines_of("", [] { return std::size_t{9}; }).empty());
}

TEST(LineSplitter, a_line_beyond_the_bound_is_told_and_the_next_is_read) {
  const std::string fits(LineSplitter::kLongestLine, 'a');
  const std::string bytes = "x\n" + fits + "\n" + fits + "b\n" + fits + fits + fits + "\ny\n" + fits + "z";
  const std::vector<Seen> expected = {{"x", 1}, {fits, 2}, {"", 3, true}, {"", 4, true}, {"y", 5}, {"", 6, true}};
  EXPECT_EQ(lines_of(bytes, [] { return std::size_t{1} << 30; }), expected);
  std::mt19937 random(5);
  EXPECT_EQ(lines_of(bytes, [&random] { return random() % 300'000 + 1; }), expected);
}

class RecordReaderTest : public testing::Test {
 protected:
  const char* read(std::string line) {
    line_ = std::move(line);
    const std::size_t size = line_.size();
    line_.resize(size + RecordReader::kPadding, '"');
    return reader_.read(std::string_view(line_).substr(0, size), facts_);
  }
  std::string line_;
  RecordReader reader_;
  RecordFacts facts_;
};

TEST_F(RecordReaderTest, reads_what_a_report_counts) {
  ASSERT_EQ(
      read(R"({"ts":"2026-11-22T21:26:36.123456Z","ip":"127.0.0.9","port":443,"host":"h.test","probe":"http",)"
           R"("outcome":"success","phase":"done","attempts":2,"timing_us":{"connect":143,"tls":2310,"total":3190},)"
           R"("tls":{"version":"TLS1.3","cipher":"TLS_AES_256_GCM_SHA384","certificate":{"issuer_cn":"CA",)"
           R"("not_after":"2036-11-19T21:00:00Z","self_signed":true,"expired":false,"host_matches":false},)"
           R"("verified":false},"http":{"status":404,"headers":{"server":["nginx","x"]},"title":"No"}})"),
      nullptr);
  EXPECT_EQ(facts_.ended_us, 1'795'382'796'123'456);
  EXPECT_EQ(to_string(facts_.ip), "127.0.0.9");
  EXPECT_EQ(facts_.port, 443);
  EXPECT_EQ(facts_.host, "h.test");
  EXPECT_EQ(facts_.probe, "http");
  EXPECT_EQ(facts_.outcome, kSuccess);
  EXPECT_EQ(phase_name(facts_.phase), "done");
  EXPECT_EQ(facts_.attempts, 2U);
  EXPECT_EQ(facts_.timing_us, (std::array<std::int64_t, 7>{-1, 143, 2310, -1, -1, -1, 3190}));
  EXPECT_EQ(facts_.tls_version, "TLS1.3");
  EXPECT_EQ(facts_.issuer, "CA");
  EXPECT_TRUE(facts_.self_signed);
  EXPECT_TRUE(facts_.wrong_name);
  EXPECT_EQ(facts_.verified, false);
  EXPECT_EQ(facts_.http_status, 404U);
  EXPECT_EQ(facts_.http_server, "nginx");
  EXPECT_EQ(facts_.title, "No");
}

TEST_F(RecordReaderTest, names_of_a_newer_version_are_unknown_and_no_error) {
  ASSERT_EQ(read(R"({"ip":"::1","outcome":"teapot","phase":"brew","cause":"steam","new":{"a":[1,{"b":null}]}})"),
            nullptr);
  EXPECT_EQ(facts_.outcome, kUnknownOutcome);
  EXPECT_EQ(facts_.phase, kUnknownPhase);
  EXPECT_EQ(facts_.cause, 0);
  EXPECT_FALSE(facts_.ip.is_v4());
}

TEST_F(RecordReaderTest, a_value_of_another_type_counts_as_absent) {
  ASSERT_EQ(read(R"({"ip":7,"port":"80","host":null,"probe":["tcp"],"outcome":{},"attempts":-3,"ts":"yesterday",)"
                 R"("timing_us":{"total":1.5,"connect":-2},"tls":[],"http":"","banner":7,"cause":0})"),
            nullptr);
  EXPECT_TRUE(facts_.ip.is_unspecified());
  EXPECT_EQ(facts_.port, 0);
  EXPECT_EQ(facts_.attempts, 0U);
  EXPECT_EQ(facts_.ended_us, 0);
  EXPECT_EQ(facts_.timing_us, RecordFacts().timing_us);
}

TEST_F(RecordReaderTest, a_broken_line_says_why) {
  EXPECT_STREQ(read(R"({"ip":"127.0.0.1","port":8)"), "not JSON, or cut off");
  EXPECT_STREQ(read(R"({"ip":"127.0.0.1"} {)"), "not JSON, or cut off");
  EXPECT_STREQ(read("{\"ip\":\"\xff\"}"), "not UTF-8");
  EXPECT_STREQ(read("[1]"), "not a JSON object");
  EXPECT_STREQ(read(R"({"port":80})"), "not a record: it has no ip, host, probe or outcome");
  EXPECT_STREQ(read(std::string(5'000, '[')), "not JSON, or cut off") << "nesting is bounded";
}

TEST_F(RecordReaderTest, nothing_of_the_line_before_stays) {
  ASSERT_EQ(read(R"({"ip":"127.0.0.1","banner":{"protocol":"ssh","product":"x","suspect":"silent"}})"), nullptr);
  EXPECT_EQ(facts_.protocol, "ssh");
  ASSERT_EQ(read(R"({"ip":"127.0.0.1"})"), nullptr);
  EXPECT_TRUE(facts_.protocol.empty());
  EXPECT_TRUE(facts_.suspect.empty());
}

TEST(ParseTime, takes_utc_and_nothing_else) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("1970-01-01T00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(parse_time("2000-02-29T12:00:00.123456789Z"), 951'825'600'123'456);
  for (const char* wrong : {"", "Z", "1970-01-01T00:00:00", "1970-01-01T00:00:00+01:00", "1970-01-01 00:00:00Z",
                            "1970-13-01T00:00:00Z", "2001-02-29T00:00:00Z", "1970-01-01T24:00:00Z",
                            "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z", "197a-01-01T00:00:00Z"})
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
}

TEST(HeadersServer, is_found_in_the_text_of_headers) {
  EXPECT_EQ(server_of_headers(R"({"date":"x","server":"nginx/1.22.1"})"), "nginx/1.22.1");
  EXPECT_EQ(server_of_headers(R"({"date":"x"})"), "");
  EXPECT_EQ(server_of_headers("{"), "");
}

}  // namespace
}  // namespace sonde::report
