#include "cli/page_text.h"

#include <gtest/gtest.h>

namespace sonde::cli {
namespace {

using Lines = std::vector<std::string>;

TEST(PageText, columns_are_counted_not_bytes) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("abc"), 3U);
  EXPECT_EQ(columns("müller.example"), 14U);
  EXPECT_EQ(columns("…└─█"), 4U);
  EXPECT_EQ(columns("e\xcc\x81"), 1U) << "a combining acute";
  EXPECT_EQ(columns("東京"), 4U);
  EXPECT_EQ(columns("\xff\xc3"), 2U) << "what is no UTF-8 counts by bytes";
}

TEST(PageText, what_a_terminal_acts_on_becomes_text) {
  EXPECT_EQ(harmless("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(harmless("a\r\nb\tc\x7f"), "a\\x0d\\x0ab\\x09c\\x7f");
  EXPECT_EQ(harmless(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(harmless("\xc2\x9b"), "\\u{9b}") << "CSI in one character";
  EXPECT_EQ(harmless("\xff\xe2\x82"), "\\xff\\xe2\\x82");
  EXPECT_EQ(harmless("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate is no character";
  EXPECT_EQ(harmless("\xc0\xaf"), "\\xc0\\xaf") << "an overlong form is none either";
  EXPECT_EQ(harmless("müller 東京 \U0001f512"), "müller 東京 \U0001f512");
}

TEST(PageText, what_makes_text_look_like_another_is_shown) {
  EXPECT_EQ(harmless("moc.\u202eelpmaxe"), "moc.\\u{202e}elpmaxe");
  EXPECT_EQ(harmless("a\u200bb\ufeff"), "a\\u{200b}b\\u{feff}");
}

TEST(PageText, what_is_cut_fits_and_says_so) {
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdefg", 6), "abcde…");
  EXPECT_EQ(cut("東京東京", 6), "東京…");
  for (std::size_t width = 2; width < 20; ++width) EXPECT_LE(columns(cut("ab東京é…zzzzzzzzzzzzzzzz", width)), width);
}

TEST(PageText, lines_break_behind_blanks_and_commas_first) {
  EXPECT_EQ(wrap("one two three", 8, 9), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("CN=a,O=bcdefg,C=x", 14, 9), (Lines{"CN=a,O=bcdefg,", "C=x"}));
  EXPECT_EQ(wrap("abcdefghijkl", 8, 9), (Lines{"abcdefgh", "ijkl"}));
  EXPECT_EQ(wrap("", 8, 9), Lines());
}

TEST(PageText, wrapped_text_has_a_bound_and_loses_nothing_within_it) {
  const std::string text(100, 'x');
  std::string joined;
  for (const std::string& line : wrap(text, 10, 100)) joined += line;
  EXPECT_EQ(joined, text);
  const Lines bounded = wrap(text, 10, 3);
  ASSERT_EQ(bounded.size(), 3U);
  EXPECT_EQ(bounded.back(), "xxxxxxxxx…");
}

}  // namespace
}  // namespace sonde::cli
