// A YAML text as a tree of plain values: what the gateway's configuration and its target files are read from. Each
// value knows its line; an alias is the node that it names, so nothing is copied. Bounded: the depth and the size that
// the aliases would unfold to, so whoever walks all of a tree walks a bounded one. All text is UTF-8. Immutable, any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sonde::gateway {

struct YamlNode;
using YamlPtr = std::shared_ptr<const YamlNode>;

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;       // a scalar without quotes: may be a number or a truth value
  std::uint32_t line = 1;   // where it begins; of an alias, where what it names begins
  std::uint32_t depth = 0;  // of maps and sequences in one another, itself too, aliases unfolded
  std::uint64_t size = 1;   // bytes of text and number of nodes in it, aliases unfolded
  std::string text;         // kScalar
  std::vector<YamlPtr> items;
  std::vector<std::pair<YamlPtr, YamlPtr>> entries;  // in the order of the file; a key may be there twice

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_map() const { return kind == Kind::kMap; }
};

inline constexpr std::size_t kYamlDepth = 64;                       // YamlNode::depth of the whole
inline constexpr std::uint64_t kYamlSize = std::uint64_t{1} << 26;  // YamlNode::size of the whole

// One document of UTF-8 (YAML 1.2). The error begins with "name:LINE: ", or "name: " where no line is at fault; a text
// without a document is one.
Parsed<YamlPtr> parse_yaml(std::string_view text, const std::string& name);

}  // namespace sonde::gateway
