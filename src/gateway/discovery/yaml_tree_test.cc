#include "gateway/discovery/yaml_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

YamlPtr tree(std::string_view text) { return parse_yaml(text, "a.yml").value(); }
std::string error_of(std::string_view text) {
  const Parsed<YamlPtr> parsed = parse_yaml(text, "a.yml");
  return parsed ? "no error" : parsed.error().text;
}

TEST(YamlTree, values_know_their_lines_and_whether_they_had_quotes) {
  const YamlPtr root = tree("a: 5\nb:\n  - 'x'\n  -\n  - !!str 7\n  - !!int '8'\n");
  ASSERT_EQ(root->entries.size(), 2U);
  EXPECT_EQ(root->entries[0].second->text, "5");
  EXPECT_TRUE(root->entries[0].second->plain);
  const YamlNode& list = *root->entries[1].second;
  ASSERT_EQ(list.items.size(), 4U);
  EXPECT_EQ(list.items[0]->line, 3U);
  EXPECT_FALSE(list.items[0]->plain);
  EXPECT_TRUE(list.items[1]->is_null());
  EXPECT_FALSE(list.items[2]->plain);
  EXPECT_TRUE(list.items[3]->plain);
}

TEST(YamlTree, an_alias_is_the_node_that_it_names) {
  const YamlPtr root = tree("a: &x [1, 2]\nb: *x\n");
  EXPECT_EQ(root->entries[0].second, root->entries[1].second);
  EXPECT_EQ(root->size, 1 + 2 + 2 + 2 * (1 + 2 + 2));
}

TEST(YamlTree, a_key_may_stand_twice) { EXPECT_EQ(tree("a: 1\na: 2\n")->entries.size(), 2U); }

TEST(YamlTree, what_is_no_document_is_an_error_with_its_line) {
  EXPECT_EQ(error_of(""), "a.yml: has nothing in it");
  EXPECT_EQ(error_of("# only a comment\n"), "a.yml: has nothing in it");
  EXPECT_EQ(error_of("---\n"), "no error");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "a.yml:2: another document begins; '---' may stand at the top alone");
  EXPECT_EQ(error_of("a: [1\n").substr(0, 21), "a.yml:2: is not YAML:");
  EXPECT_EQ(error_of("a: *x\n").substr(0, 21), "a.yml:1: is not YAML:");
  EXPECT_EQ(error_of("a: 1\nb: !foo 2\n"), "a.yml:2: the tag '!foo' is not known here");
  EXPECT_EQ(error_of("a\n\x04"), "a.yml:2: byte 0x04 is not text");
  EXPECT_EQ(error_of("a\n\xff\n"), "a.yml:2: is not UTF-8");
  // No document can begin with a comma, and the library does not notice.
  EXPECT_NE(error_of(",a: 5\n"), "no error");
}

TEST(YamlTree, all_text_is_utf8) {
  EXPECT_EQ(tree("\"\\N\xc3\xa0\\_ \\x85\\L\"\n")->text, "\xc2\x85\xc3\xa0\xc2\xa0 \xc2\x85\xe2\x80\xa8");
}

TEST(YamlTree, nesting_counts_with_its_aliases_unfolded) {
  EXPECT_EQ(tree("a: &x [1]\nb: {c: *x}\n")->depth, 3U);
  EXPECT_EQ(tree("a\n")->depth, 0U);
  std::string chain = "- &a0 []\n";
  for (int i = 1; i < 63; ++i) chain += fmt::format("- &a{} [*a{}]\n", i, i - 1);
  EXPECT_EQ(tree(chain)->depth, 64U);
  EXPECT_EQ(error_of(chain + "- [*a62]\n"), "a.yml:64: is nested too deeply");
}

TEST(YamlTree, nesting_cycles_and_aliases_are_bounded) {
  EXPECT_EQ(error_of(std::string(65, '[') + std::string(65, ']')), "a.yml:1: is nested too deeply");
  EXPECT_EQ(error_of(std::string(64, '[') + std::string(64, ']')), "no error");
  EXPECT_EQ(error_of(std::string(100'000, '[')), "a.yml:1: is nested too deeply");
  EXPECT_EQ(error_of("a: &x [*x]\n"), "a.yml:1: an alias stands within its anchor");
  // Ten to the tenth leaves, were it unfolded.
  std::string bomb = "a: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "*a" : ",*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(error_of(bomb), "a.yml:8: its aliases unfold to too much");
}

}  // namespace
}  // namespace sonde::gateway
