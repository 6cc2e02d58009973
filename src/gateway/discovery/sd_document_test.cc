#include "gateway/discovery/sd_document.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

using Targets = std::vector<SdTarget>;

std::string error_of(const Parsed<Targets>& parsed) { return parsed ? "no error" : parsed.error().text; }
std::string json_error(std::string_view text) { return error_of(parse_sd_json(text, "a.json")); }
std::string yaml_error(std::string_view text) { return error_of(parse_sd_yaml(text, "a.yml")); }

const Targets kTwoGroups = {{.target = "10.0.0.1:80", .labels = {{"team", "web"}}},
                            {.target = "10.0.0.2:80", .labels = {{"team", "web"}}},
                            {.target = "https://x/", .labels = {}}};

TEST(SdDocument, both_forms_say_the_same) {
  EXPECT_EQ(parse_sd_json(R"([{"targets": ["10.0.0.1:80", "10.0.0.2:80"], "labels": {"team": "web", "__meta_x": "y"}},
                              {"targets": ["https://x/"]}])",
                          "a.json")
                .value(),
            kTwoGroups);
  EXPECT_EQ(parse_sd_yaml("- targets: ['10.0.0.1:80', 10.0.0.2:80]\n  labels: {team: web, __meta_x: y}\n"
                          "- targets:\n  - https://x/\n  labels:\n",
                          "a.yml")
                .value(),
            kTwoGroups);
}

TEST(SdDocument, a_list_may_be_empty) {
  EXPECT_EQ(parse_sd_json("[]", "a.json").value(), Targets());
  EXPECT_EQ(parse_sd_json(R"([{"targets": []}])", "a.json").value(), Targets());
  EXPECT_EQ(parse_sd_yaml("[]", "a.yml").value(), Targets());
}

TEST(SdDocument, every_beginning_of_a_json_file_is_an_error) {
  const std::string whole = R"([{"targets": ["10.0.0.1:80"], "labels": {"team": "web"}}])";
  ASSERT_TRUE(parse_sd_json(whole, "a.json"));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_sd_json(whole.substr(0, size), "a.json")) << size;
}

TEST(SdDocument, a_yaml_file_that_is_cut_before_its_targets_is_an_error) {
  const std::string whole = "- labels: {team: web}\n  targets: ['10.0.0.1:80']\n";
  ASSERT_TRUE(parse_sd_yaml(whole, "a.yml"));
  for (std::size_t size = 0; size + 1 < whole.size(); ++size)
    EXPECT_FALSE(parse_sd_yaml(whole.substr(0, size), "a.yml")) << size;
}

TEST(SdDocument, errors_say_where_and_what) {
  EXPECT_EQ(json_error("{}"),
            "a.json: must be a list of groups like [{\"targets\": [\"host:80\"], \"labels\": {\"team\": \"web\"}}]");
  EXPECT_EQ(json_error(R"([{"targets": ["a"]}, {"targtes": []}])"),
            "a.json: group 2: unknown key 'targtes'; a group has 'targets' and 'labels'");
  EXPECT_EQ(json_error(R"([{"labels": {}}])"), "a.json: group 1: has no 'targets'");
  EXPECT_EQ(json_error(R"([{"targets": "a"}])"), "a.json: group 1: 'targets' must be a list of texts");
  EXPECT_EQ(json_error(R"([{"targets": [5]}])"), "a.json: group 1: 'targets' must be a list of texts");
  EXPECT_EQ(json_error(R"([{"targets": [""]}])"), "a.json: group 1: a target is empty");
  EXPECT_EQ(json_error(R"([{"targets": ["a\nb"]}])"),
            "a.json: group 1: the target 'a\\x0ab' has a control character in it");
  EXPECT_EQ(json_error(R"([{"targets": [], "labels": {"a": 5}}])"), "a.json: group 1: the label 'a' must be a text");
  EXPECT_EQ(json_error(R"([{"targets": [], "labels": {"a-b": "5"}}])"),
            "a.json: group 1: 'a-b' is not the name of a label, letters, digits and '_'");
  EXPECT_EQ(json_error(R"([{"targets": [], "targets": []}])"), "a.json: group 1: 'targets' stands there twice");
  EXPECT_EQ(json_error(R"([5])"), "a.json: group 1: is not a group with 'targets' and 'labels'");
  EXPECT_EQ(yaml_error("- targets: [a]\n- targets: [a]\n  lables: {}\n"),
            "a.yml:2: group 2: unknown key 'lables'; a group has 'targets' and 'labels'");
  EXPECT_EQ(yaml_error("targets: [a]\n").substr(0, 22), "a.yml:1: must be a lis");
  EXPECT_EQ(yaml_error(""), "a.yml: has nothing in it");
  EXPECT_EQ(error_of(parse_sd_file("[]", "a.txt")), "a.txt: a file of targets ends in .json, .yml or .yaml");
}

TEST(SdDocument, sizes_are_bounded) {
  EXPECT_EQ(json_error(R"([{"targets": [")" + std::string(kSdTargetLength + 1, 'a') + "\"]}]"),
            "a.json: group 1: the target '" + std::string(80, 'a') + "...' is longer than 2048 bytes");
  std::string labels;
  for (std::size_t i = 0; i <= kSdLabels; ++i) labels += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":\"\"";
  EXPECT_EQ(json_error(R"([{"targets": [], "labels": {)" + labels + "}}]"), "a.json: group 1: has more than 64 labels");
  EXPECT_FALSE(parse_sd_json(std::string(100'000, '['), "a.json"));
}

}  // namespace
}  // namespace sonde::gateway
