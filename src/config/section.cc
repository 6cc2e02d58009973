#include "config/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/nearest.h"
#include "config/go_values.h"
#include "targets/input_text.h"

namespace sonde::config {
namespace {

using gateway::YamlNode;
using targets::quoted;

// Those of YAML 1.2, without quotes; yaml.v3 takes those of 1.1 too, in quotes or not.
constexpr auto kTrue = std::to_array<std::string_view>({"true", "True", "TRUE"});
constexpr auto kFalse = std::to_array<std::string_view>({"false", "False", "FALSE"});
constexpr auto kYes = std::to_array<std::string_view>({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"});
constexpr auto kNo = std::to_array<std::string_view>({"n", "N", "no", "No", "NO", "off", "Off", "OFF"});

constexpr std::size_t kMostListed = 16;  // keys that an error lists

std::string_view kind_of(const YamlNode& node) {
  constexpr std::array<std::string_view, 4> kNames = {"nothing", "a single value", "a list", "a map"};
  return kNames[static_cast<std::size_t>(node.kind)];
}

bool expect(const Value& value, YamlNode::Kind kind, std::string_view wanted) {
  if (value.node->kind == kind) return true;
  value.fail(fmt::format("must be {}, not {}", wanted, kind_of(*value.node)));
  return false;
}

// A key as part of a path: as it is where that is a plain word.
std::string in_path(std::string_view key) {
  const bool plain = !key.empty() && key.size() <= 80 && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '/' || c == '.' || c == '<';
  });
  return plain ? std::string(key) : quoted(key);
}

// A scalar without quotes, or an error.
bool take_plain(const Value& value, std::string_view wanted) {
  if (!expect(value, YamlNode::Kind::kScalar, wanted)) return false;
  if (value.node->plain) return true;
  value.fail(fmt::format("{} is a text: {} is written without quotes", quoted(value.node->text), wanted));
  return false;
}

class Merged {
 public:
  explicit Merged(const Value& map) : map_(map) {}

  std::vector<Entry> all() {
    add(*map_.node, false);
    return std::move(entries_);
  }

 private:
  void add(const YamlNode& map, bool is_merged) {
    std::vector<const YamlNode*> merges;
    for (const auto& [key, value] : map.entries) {
      if (!key->is_scalar()) {
        if (!is_merged)
          map_.findings->add(key->line, map_.path, fmt::format("a key must be a text, not {}", kind_of(*key)));
      } else if (key->text == "<<" && key->plain) {
        merges.push_back(value.get());
      } else if (seen_.insert(key->text).second) {
        // A value that is null has no place of its own worth telling.
        entries_.push_back({.key = key->text,
                            .line = key->line,
                            .value = {.node = value.get(),
                                      .path = map_.path.empty() ? in_path(key->text)
                                                                : fmt::format("{}.{}", map_.path, in_path(key->text)),
                                      .findings = map_.findings}});
      } else if (!is_merged) {
        map_.findings->add(key->line, map_.path, fmt::format("{} stands here twice", quoted(key->text)));
      }
    }
    for (const YamlNode* merge : merges) {
      if (merge->is_map()) {
        add(*merge, true);
      } else if (merge->is_sequence()) {
        for (const gateway::YamlPtr& item : merge->items) {
          if (item->is_map()) {
            add(*item, true);
          } else {
            not_mergeable(*item);
          }
        }
      } else {
        not_mergeable(*merge);
      }
    }
  }

  void not_mergeable(const YamlNode& node) {
    map_.findings->add(node.line, map_.path, fmt::format("'<<' merges a map or a list of maps, not {}", kind_of(node)));
  }

  const Value& map_;
  std::unordered_set<std::string_view> seen_;
  std::vector<Entry> entries_;
};

}  // namespace

void Findings::note(List& list, std::uint32_t line, std::string_view path, std::string_view what) {
  if (list.found.size() >= kMostFindings) {
    ++list.more;
    return;
  }
  list.found.emplace(line, fmt::format("{}:{}: {}", file_, line, targets::located(path, what)));
}

void Findings::add(std::uint32_t line, std::string_view path, std::string_view what) {
  note(errors_, line, path, what);
}

void Findings::doubt(std::uint32_t line, std::string_view path, std::string_view what) {
  note(doubts_, line, path, what);
  last_doubt_ = targets::located(path, what);
}

std::vector<InputError> Findings::told(const List& list, std::string_view what) const {
  std::vector<InputError> out;
  for (const auto& [line, text] : list.found) out.push_back({text});
  if (list.more > 0) out.push_back({fmt::format("{}: and {} more {}", file_, list.more, what)});
  return out;
}

bool take(const Value& value, std::string& out) {
  if (!expect(value, YamlNode::Kind::kScalar, "a text")) return false;
  out = value.node->text;
  return true;
}

bool take(const Value& value, bool& out) {
  if (!expect(value, YamlNode::Kind::kScalar, "true or false")) return false;
  const std::string& text = value.node->text;
  const auto is_one_of = [&](const auto& words) { return std::ranges::find(words, text) != words.end(); };
  const bool plain = value.node->plain;
  const bool yes = is_one_of(kYes) || (plain && is_one_of(kTrue));
  if (yes || is_one_of(kNo) || (plain && is_one_of(kFalse))) {
    out = yes;
    return true;
  }
  value.fail(quoted(text) + (plain ? " is neither true nor false" : " is a text: give true or false"));
  return false;
}

bool take(const Value& value, std::int64_t& out) {
  if (!take_plain(value, "a whole number")) return false;
  const auto number = parse_go_integer(value.node->text);
  if (!number) {
    value.fail(quoted(value.node->text) + " is not a whole number");
    return false;
  }
  out = *number;
  return true;
}

bool take(const Value& value, double& out) {
  if (!take_plain(value, "a number")) return false;
  const auto number = parse_go_float(value.node->text);
  if (!number) {
    value.fail(quoted(value.node->text) + " is not a number");
    return false;
  }
  out = *number;
  return true;
}

std::vector<Entry> entries_of(const Value& map) {
  if (!expect(map, YamlNode::Kind::kMap, "a map")) return {};
  return Merged(map).all();
}

std::vector<Value> items_of(const Value& list) {
  if (!expect(list, YamlNode::Kind::kSequence, "a list")) return {};
  std::vector<Value> out;
  for (std::size_t i = 0; i < list.node->items.size(); ++i)
    if (const YamlNode& item = *list.node->items[i]; !item.is_null())
      out.push_back({.node = &item, .path = fmt::format("{}[{}]", list.path, i), .findings = list.findings});
  return out;
}

const Value* Section::find(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.push_back(key);
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  return found == entries_.end() || found->value.node->is_null() ? nullptr : &found->value;
}

void Section::read(std::string_view key, std::vector<std::string>& out) {
  const Value* list = find(key);
  if (list == nullptr) return;
  out.clear();
  for (const Value& item : items_of(*list))
    if (std::string text; take(item, text)) out.push_back(std::move(text));
}

void Section::fail(std::string_view key, std::string_view what) const {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return map_.fail(what);
  map_.findings->add(found->line, found->value.path, what);
}

void Section::doubt(std::string_view key, std::string_view what) const {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return map_.doubt(what);
  map_.findings->doubt(found->line, found->value.path, what);
}

void Section::finish(const std::function<std::string(std::string_view)>& hint) const {
  std::size_t unknown = 0;
  for (const Entry& entry : entries_) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    if (++unknown > Findings::kMostFindings) break;
    std::string more = hint ? hint(entry.key) : std::string();
    if (more.empty()) more = did_you_mean(entry.key, known_);
    if (more.empty() && known_.size() <= kMostListed) more = fmt::format("; known are {}", fmt::join(known_, ", "));
    map_.findings->add(entry.line, map_.path, fmt::format("unknown key {}{}", quoted(entry.key), more));
  }
}

bool Section::in_range(const Value& value, std::int64_t number, std::int64_t least, std::int64_t most) {
  if (number >= least && number <= most) return true;
  value.fail(fmt::format("{} is out of range: it is {} to {}", number, least, most));
  return false;
}

}  // namespace sonde::config
