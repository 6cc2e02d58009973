#include "results/escape.h"

#include <gtest/gtest.h>

namespace sonde::results {
namespace {

std::string checked_escape(std::string_view bytes) {
  const std::string out = escaped(bytes);
  EXPECT_EQ(unescaped(out), bytes);
  return out;
}

TEST(Escape, text_stays_and_control_characters_do_not) {
  EXPECT_EQ(checked_escape("SSH-2.0-x\r\n"), "SSH-2.0-x\r\n");
  EXPECT_EQ(checked_escape(std::string_view("a\0b\x1b[2J\x7f", 8)), "a\\x00b\\x1b[2J\\x7f");
  EXPECT_EQ(checked_escape("größe €𝄞"), "größe €𝄞");
  EXPECT_EQ(checked_escape("\xc2\x9b"), "\\xc2\\x9b") << "C1 controls steer terminals too";
}

TEST(Escape, a_backslash_is_escaped_so_that_escapes_are_unique) {
  EXPECT_EQ(checked_escape("\\x41"), "\\x5cx41");
  EXPECT_NE(checked_escape("\\x41"), checked_escape("A"));
}

TEST(Escape, bytes_that_are_no_utf8_are_written_one_by_one) {
  EXPECT_EQ(checked_escape("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(checked_escape("\xc3"), "\\xc3");
  EXPECT_EQ(checked_escape("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(checked_escape("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(checked_escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "over U+10FFFF";
  EXPECT_EQ(checked_escape("\xe2\x82"
                           "a"),
            "\\xe2\\x82"
            "a");
}

}  // namespace
}  // namespace sonde::results
