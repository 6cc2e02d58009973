#include "gateway/go_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sonde::gateway {
namespace {

using namespace std::string_view_literals;

// As blackbox_exporter 0.23 answered.
TEST(GoQuoted, is_what_go_writes) {
  EXPECT_EQ(go_quoted("no\"x\u00e4\x01"), "\"no\\\"x\u00e4\\x01\"");
  EXPECT_EQ(go_quoted("a\nb"), R"("a\nb")");
  EXPECT_EQ(go_quoted("\x7f\u0085"), R"("\x7f\u0085")");
  EXPECT_EQ(go_quoted("\U0001F600\u2028"), "\"\U0001F600\\u2028\"");
  EXPECT_EQ(go_quoted("\\"), R"("\\")");
  EXPECT_EQ(go_quoted("\xff"), R"("\xff")");
  EXPECT_EQ(go_quoted("\u200b\ufffd"), "\"\\u200b\ufffd\"");
  EXPECT_EQ(go_quoted("\a\b\v\f\0"sv), R"("\a\b\v\f\x00")");
  EXPECT_EQ(go_quoted("\u00a0\u00ff\xed\xa0\x80"), "\"\\u00a0\u00ff\\xed\\xa0\\x80\"");
  EXPECT_EQ(go_quoted("'\""), R"("'\"")");
  EXPECT_EQ(go_quoted("\xee\x80\x80\U0010ffff"), R"("\ue000\U0010ffff")");
}

TEST(GoFloat, is_what_go_reads) {
  for (const auto& [text, value] : std::initializer_list<std::pair<const char*, double>>{{"1_0", 10},
                                                                                         {"1e1_0", 1e10},
                                                                                         {"0x1p1", 2},
                                                                                         {"0X.8P2", 2},
                                                                                         {"0x_1p2", 4},
                                                                                         {"0x1.8p-1", 0.75},
                                                                                         {"+5", 5},
                                                                                         {"-3", -3},
                                                                                         {".5", 0.5},
                                                                                         {"5.", 5},
                                                                                         {"1e-400", 0},
                                                                                         {"100000000000", 1e11},
                                                                                         {"0", 0},
                                                                                         {"9223372036.5", 9223372036.5},
                                                                                         {"1E+2", 100},
                                                                                         {"infinity", INFINITY},
                                                                                         {"+inf", INFINITY},
                                                                                         {"-inf", -INFINITY},
                                                                                         {"iNF", INFINITY}}) {
    const auto read = parse_go_float(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, value) << text;
  }
  EXPECT_TRUE(std::isnan(*parse_go_float("nan")));
}

TEST(GoFloat, what_go_refuses_is_refused) {
  for (const char* text : {"",   "_1",  "1_",  "1__0", "1_.5",   "1._5", "0x1",     "0x1.8", "0xp1", "0x",
                           "-",  ".",   "1e",  "1e+",  "-nan",   "+nan", "Infinit", " 5",    "5s",   "1e5x",
                           "\"", "+-5", "..5", "e5",   "nan(1)", "0b1",  "1p2",     "- 5"}) {
    const auto read = parse_go_float(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error(), GoFloatError::kSyntax) << text;
  }
  for (const char* text : {"1e400", "-1e400", "0x1p5000"})
    EXPECT_EQ(parse_go_float(text).error(), GoFloatError::kRange) << text;
}

}  // namespace
}  // namespace sonde::gateway
