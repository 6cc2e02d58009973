#include "gateway/discovery/sd_document.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "gateway/discovery/yaml_tree.h"
#include "targets/input_text.h"

namespace sonde::gateway {
namespace {

using targets::quoted;

// One group in either form; what it says wrong is a text without its place.
class Group {
 public:
  Parsed<> add_target(std::string_view text) {
    if (text.empty()) return input_error("a target is empty");
    if (text.size() > kSdTargetLength)
      return input_error(fmt::format("the target {} is longer than {} bytes", quoted(text), kSdTargetLength));
    if (targets::is_binary(text) || text.find('\t') != std::string_view::npos)
      return input_error("the target " + quoted(text) + " has a control character in it");
    targets_.emplace_back(text);
    return {};
  }

  Parsed<> add_label(std::string_view label, std::string_view text) {
    if (!is_label_name(label))
      return input_error(quoted(label) + " is not the name of a label, letters, digits and '_'");
    if (labels_.contains(std::string(label))) return input_error("the label " + quoted(label) + " stands there twice");
    if (labels_.size() >= kSdLabels) return input_error(fmt::format("has more than {} labels", kSdLabels));
    labels_.emplace(label, text);
    return {};
  }

  Parsed<> append_to(std::vector<SdTarget>& out, bool has_targets) {
    if (!has_targets) return input_error("has no 'targets'");
    if (out.size() + targets_.size() > kSdTargets)
      return input_error(fmt::format("the document has more than {} targets", kSdTargets));
    std::erase_if(labels_, [](const auto& entry) { return entry.first.starts_with("__"); });
    for (std::string& target : targets_) out.push_back({.target = std::move(target), .labels = labels_});
    return {};
  }

 private:
  std::vector<std::string> targets_;
  LabelSet labels_;
};

constexpr std::string_view kShape = R"(a list of groups like [{"targets": ["host:80"], "labels": {"team": "web"}}])";

std::unexpected<InputError> unknown_key(std::string_view key) {
  return input_error("unknown key " + quoted(key) + "; a group has 'targets' and 'labels'");
}

std::unexpected<InputError> stands_twice(std::string_view key) {
  return input_error(quoted(key) + " stands there twice");
}

// --- JSON ---

namespace dom = simdjson::dom;

Parsed<> read_json_targets(const dom::element& value, Group& group) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return input_error("'targets' must be a list of texts");
  for (const dom::element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return input_error("'targets' must be a list of texts");
    if (const Parsed<> added = group.add_target(text); !added) return added;
  }
  return {};
}

Parsed<> read_json_labels(const dom::element& value, Group& group) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return input_error("'labels' must be names with texts");
  for (const dom::key_value_pair entry : object) {
    std::string_view text;
    if (entry.value.get(text) != simdjson::SUCCESS)
      return input_error("the label " + quoted(entry.key) + " must be a text");
    if (const Parsed<> added = group.add_label(entry.key, text); !added) return added;
  }
  return {};
}

Parsed<> read_json_group(const dom::element& element, std::vector<SdTarget>& out) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return input_error("is not a group with 'targets' and 'labels'");
  Group group;
  bool has_targets = false, has_labels = false;
  for (const dom::key_value_pair entry : object) {
    if (entry.key != "targets" && entry.key != "labels") return unknown_key(entry.key);
    const bool is_targets = entry.key == "targets";
    bool& has = is_targets ? has_targets : has_labels;
    if (has) return stands_twice(entry.key);
    has = true;
    if (const Parsed<> read = is_targets ? read_json_targets(entry.value, group) : read_json_labels(entry.value, group);
        !read)
      return read;
  }
  return group.append_to(out, has_targets);
}

// --- YAML ---

Parsed<> read_yaml_targets(const YamlNode& value, Group& group) {
  if (!value.is_sequence()) return input_error("'targets' must be a list of texts");
  for (const YamlPtr& item : value.items) {
    if (!item->is_scalar()) return input_error("'targets' must be a list of texts");
    if (const Parsed<> added = group.add_target(item->text); !added) return added;
  }
  return {};
}

Parsed<> read_yaml_labels(const YamlNode& value, Group& group) {
  if (value.is_null()) return {};
  if (!value.is_map()) return input_error("'labels' must be names with texts");
  for (const auto& [key, text] : value.entries) {
    if (!key->is_scalar() || !text->is_scalar()) return input_error("'labels' must be names with texts");
    if (const Parsed<> added = group.add_label(key->text, text->text); !added) return added;
  }
  return {};
}

Parsed<> read_yaml_group(const YamlNode& node, std::vector<SdTarget>& out) {
  if (!node.is_map()) return input_error("is not a group with 'targets' and 'labels'");
  Group group;
  bool has_targets = false, has_labels = false;
  for (const auto& [key, value] : node.entries) {
    if (key->text != "targets" && key->text != "labels") return unknown_key(key->text);
    const bool is_targets = key->text == "targets";
    bool& has = is_targets ? has_targets : has_labels;
    if (has) return stands_twice(key->text);
    has = true;
    if (const Parsed<> read = is_targets ? read_yaml_targets(*value, group) : read_yaml_labels(*value, group); !read)
      return read;
  }
  return group.append_to(out, has_targets);
}

std::unexpected<InputError> too_large(const std::string& name) {
  return input_error(fmt::format("{}: is larger than {} bytes", name, kSdBytes));
}

}  // namespace

bool is_label_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Parsed<std::vector<SdTarget>> parse_sd_json(std::string_view text, const std::string& name) {
  if (text.size() > kSdBytes) return too_large(name);
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS)
    return input_error(fmt::format("{}: is not JSON: {}", name, simdjson::error_message(error)));
  dom::array groups;
  if (root.get(groups) != simdjson::SUCCESS) return input_error(fmt::format("{}: must be {}", name, kShape));
  std::vector<SdTarget> out;
  std::size_t number = 0;
  for (const dom::element group : groups) {
    ++number;
    if (const Parsed<> read = read_json_group(group, out); !read)
      return input_error(fmt::format("{}: group {}: {}", name, number, read.error().text));
  }
  return out;
}

Parsed<std::vector<SdTarget>> parse_sd_yaml(std::string_view text, const std::string& name) {
  if (text.size() > kSdBytes) return too_large(name);
  const Parsed<YamlPtr> root = parse_yaml(text, name);
  if (!root) return std::unexpected(root.error());
  if (!(*root)->is_sequence()) return input_error(fmt::format("{}:{}: must be {}", name, (*root)->line, kShape));
  std::vector<SdTarget> out;
  std::size_t number = 0;
  for (const YamlPtr& group : (*root)->items) {
    ++number;
    if (const Parsed<> read = read_yaml_group(*group, out); !read)
      return input_error(fmt::format("{}:{}: group {}: {}", name, group->line, number, read.error().text));
  }
  return out;
}

Parsed<std::vector<SdTarget>> parse_sd_file(std::string_view text, const std::string& name) {
  if (name.ends_with(".json")) return parse_sd_json(text, name);
  if (name.ends_with(".yml") || name.ends_with(".yaml")) return parse_sd_yaml(text, name);
  return input_error(name + ": a file of targets ends in .json, .yml or .yaml");
}

}  // namespace sonde::gateway
