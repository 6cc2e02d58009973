#include "wire/html_title.h"

#include <gtest/gtest.h>

#include "wire/html_text.h"

namespace sonde::wire {
namespace {

// The title of a page, checked to be the same in single bytes and cut in two at every place.
std::string title_of(std::string_view page) {
  const auto feed = [&](std::size_t first, std::size_t step) {
    HtmlTitle title;
    title.feed(page.substr(0, first));
    for (std::size_t at = first; at < page.size(); at += step) title.feed(page.substr(at, step));
    return title.title();
  };
  const std::string whole = feed(page.size(), 1);
  EXPECT_EQ(whole, feed(0, 1)) << page;
  for (std::size_t at = 0; at < std::min<std::size_t>(page.size(), 400); ++at)
    EXPECT_EQ(whole, feed(at, page.size())) << "cut at " << at << ": " << page;
  return whole;
}

TEST(HtmlTitle, is_the_text_of_the_element) {
  EXPECT_EQ(title_of("<html><head><title>Welcome</title></head><body>"), "Welcome");
  EXPECT_EQ(title_of("<TITLE lang='a>b' data-x=\">\" y=z>\n  A \t page\r\n</TiTle >"), "A page");
  EXPECT_EQ(title_of("<title/>not closed by that</title>"), "not closed by that");
  EXPECT_EQ(title_of("<title></title><title>second</title>"), "");
  EXPECT_EQ(title_of("no title"), "");
  EXPECT_EQ(title_of("<titles>x</titles><title-x>y</title-x><title>z</title>"), "z");
  EXPECT_EQ(title_of("a < b <title>z</title>"), "z");
  EXPECT_EQ(title_of("<<title>z</title>"), "z");
  EXPECT_EQ(title_of("</title><title>z</title>"), "z");
}

TEST(HtmlTitle, ends_at_its_own_end_tag_alone) {
  EXPECT_EQ(title_of("<title>a <b>c</b> <!-- d --> </titl> </titlex> <</title>"),
            "a <b>c</b> <!-- d --> </titl> </titlex> <");
  EXPECT_EQ(title_of("<title>a</TITLE\n>b"), "a");
  EXPECT_EQ(title_of("<title>a</title/>b"), "a");
  EXPECT_EQ(title_of("<title>a</TIT"), "a") << "what may be the end is not text yet";
  EXPECT_EQ(title_of("<title>never closed"), "never closed");
}

TEST(HtmlTitle, is_not_fooled_by_what_is_no_element) {
  const std::string real = "<title>real</title>";
  for (const std::string_view decoy :
       {"<!-- <title>x</title> -->",
        "<!-- > <title>x</title> --!>",
        "<!-->",
        "<!--->",
        "<!-- -- <title>x</title> -->",
        "<!---><!-- <title>x</title> -- > -->",
        "<!doctype html>",
        "<?xml <title ?>",
        "</ <title>",
        "<!>",
        "<!->",
        "</>",
        "<script>var a = '<title>x</title>';</script>",
        "<script><!-- <title>x</title> --></script >",
        "<style><title>x</title></style>",
        "<textarea><title>x</title></textarea>",
        "<noscript><title>x</title></noscript>",
        "<iframe><title>x</title></iframe>",
        "<a b=\"<title>x</title>\">",
        "<a b = '<title>x</title>' c>",
        "<a b=x\"y><br>",
        "<svg viewBox='0 0 1 1'><title>x</title><g><svg><title>y</title></svg></g></svg>",
        "<svg a/>",
        "<svg/>",
        "<svg><script/><style/></svg>",
        "<svg><script><title>x</title></svg></script></svg>"})
    EXPECT_EQ(title_of(std::string(decoy) + real), "real") << decoy;
}

TEST(HtmlTitle, looks_at_the_first_64_kib) {
  const std::string blanks(HtmlTitle::kPageLimit - 10, ' ');
  EXPECT_EQ(title_of(blanks + "<title>abcdef</title>"), "abc");
}

TEST(HtmlTitle, says_when_it_has_seen_enough) {
  HtmlTitle title;
  EXPECT_FALSE(title.feed("<title>a"));
  EXPECT_TRUE(title.found());
  EXPECT_TRUE(title.feed("b</title><title>c</title>"));
  EXPECT_TRUE(title.feed("<title>d</title>"));
  EXPECT_EQ(title.title(), "ab");

  HtmlTitle none;
  EXPECT_FALSE(none.feed(std::string(HtmlTitle::kPageLimit - 1, 'x')));
  EXPECT_TRUE(none.feed("x"));
  EXPECT_TRUE(none.feed("<title>late</title>"));
  EXPECT_FALSE(none.found());
}

TEST(HtmlTitle, has_a_bound) {
  HtmlTitle title;
  EXPECT_TRUE(title.feed("<title>" + std::string(5000, 'x')));
  EXPECT_EQ(title.title(), std::string(HtmlTitle::kTitleLimit, 'x'));
}

TEST(HtmlText, decodes_character_references) {
  const auto text = [](std::string_view html) { return html_text(html, 256); };
  EXPECT_EQ(text("a &amp; b &lt;c&gt; &quot;d&quot; &apos;e&#39; &#x27;f&#X27;"), "a & b <c> \"d\" 'e' 'f'");
  EXPECT_EQ(text("&eacute;&Eacute;&nbsp;&yuml;&szlig;&copy;&mdash;&hellip;&euro;"),
            "\u00e9\u00c9\u00a0\u00ff\u00df\u00a9\u2014\u2026\u20ac");
  EXPECT_EQ(text("&amp &copy 1 &AMP;"), "& \u00a9 1 &");
  EXPECT_EQ(text("&mdash &unknown; &;& &# &#; &#x; &amplify AT&T &"),
            "&mdash &unknown; &;& &# &#; &#x; &amplify AT&T &");
  EXPECT_EQ(text("&#8364;&#x1F600;&#000000000000000065;&#150;&#128;&#129;"), "\u20ac\U0001f600A\u2013\u20ac\u0081");
  EXPECT_EQ(text("&#0;&#xd800;&#x110000;&#99999999999999999999;"), "\ufffd\ufffd\ufffd\ufffd");
  EXPECT_EQ(text("&amp;lt;"), "&lt;");
}

TEST(HtmlText, control_characters_and_blanks_are_one_space) {
  using namespace std::string_view_literals;
  EXPECT_EQ(html_text(" \0 a\x01\x1b[0m\r\n\tb&#10;&#7;c\x7f "sv, 256), "a [0m b c");
}

TEST(HtmlText, is_cut_at_the_end_of_a_character) {
  EXPECT_EQ(html_text("abcdef", 4), "abcd");
  EXPECT_EQ(html_text("abc\u00e9", 4), "abc");
  EXPECT_EQ(html_text("abc\u00e9", 5), "abc\u00e9");
  EXPECT_EQ(html_text("a\U0001f600b", 4), "a");
  EXPECT_EQ(html_text("a&#x1f600;b", 4), "a");
  EXPECT_EQ(html_text("abc def", 4), "abc");
  EXPECT_EQ(html_text("\x80\x80\x80\x80\x80\x80", 4), "\x80\x80\x80\x80") << "no UTF-8 at all";
}

}  // namespace
}  // namespace sonde::wire
