#include "gateway/discovery/yaml_tree.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "base/utf8.h"
#include "targets/input_text.h"

namespace sonde::gateway {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// yaml-cpp reads the escapes \N and \_ (U+0085, U+00A0) as one byte each, 0x85 and 0xa0, where a character begins.
std::string in_utf8(const std::string& text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t length = utf8_length(rest);
    if (length == 0) {
      out += '\xc2';
      length = 1;
    }
    out += rest.substr(0, length);
    rest.remove_prefix(length);
  }
  return out;
}

// Builds the tree from the library's events. What it finds wrong is remembered, and the rest of the events ignored.
class Builder final : public YAML::EventHandler {
 public:
  struct Failure {
    int line = 0;
    std::string what;
  };

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "another document begins; '---' may stand at the top alone");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(made(YamlNode::Kind::kNull, mark), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failure_) return;
    // An anchor whose value has not ended: it would hold itself.
    if (anchor >= anchors_.size() || anchors_[anchor] == nullptr)
      return fail(mark, "an alias stands within its anchor");
    place(anchors_[anchor], mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (failure_) return;
    const auto node = made(YamlNode::Kind::kScalar, mark);
    std::string_view type = tag;  // "?": none, without quotes; "!": none, in quotes
    if (type.starts_with(kTagPrefix)) type.remove_prefix(kTagPrefix.size());
    node->plain = type == "?" || type == "int" || type == "float" || type == "bool";
    if (!node->plain && type != "!" && type != "str")
      return fail(mark, "the tag " + targets::quoted(tag) + " is not known here");
    node->text = in_utf8(value);
    node->size += node->text.size();
    add(node, anchor, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kSequence, anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kMap, anchor, mark);
  }
  void OnMapEnd() override { close(); }

  const std::optional<Failure>& failure() const { return failure_; }
  const YamlPtr& root() const { return root_; }

 private:
  // A container that has not ended, and the key of a map that waits for its value.
  struct Open {
    std::shared_ptr<YamlNode> node;
    YamlPtr key;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
  };

  static std::shared_ptr<YamlNode> made(YamlNode::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->depth = kind == YamlNode::Kind::kSequence || kind == YamlNode::Kind::kMap ? 1 : 0;
    node->line = static_cast<std::uint32_t>(std::max(mark.line, 0)) + 1;
    return node;
  }

  void fail(const YAML::Mark& mark, std::string what) {
    if (!failure_) failure_ = Failure{mark.line, std::move(what)};
  }

  void open(YamlNode::Kind kind, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (failure_) return;
    if (open_.size() >= kYamlDepth) return fail(mark, "is nested too deeply");
    open_.push_back({.node = made(kind, mark), .key = nullptr, .anchor = anchor, .mark = mark});
  }

  void close() {
    if (failure_) return;
    const Open done = std::move(open_.back());
    open_.pop_back();
    add(done.node, done.anchor, done.mark);
  }

  void add(const YamlPtr& node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (failure_) return;
    if (anchor != 0) {
      if (anchor >= anchors_.size()) anchors_.resize(anchor + 1);
      anchors_[anchor] = node;
    }
    place(node, mark);
  }

  void place(const YamlPtr& node, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    Open& parent = open_.back();
    if (open_.size() + node->depth > kYamlDepth) return fail(mark, "is nested too deeply");
    parent.node->depth = std::max(parent.node->depth, node->depth + 1);
    parent.node->size += node->size;
    if (parent.node->size > kYamlSize) return fail(mark, "its aliases unfold to too much");
    if (parent.node->is_sequence()) {
      parent.node->items.push_back(node);
    } else if (parent.key == nullptr) {
      parent.key = node;
    } else {
      parent.node->entries.emplace_back(std::move(parent.key), node);
      parent.key = nullptr;
    }
  }

  std::vector<Open> open_;
  std::vector<YamlPtr> anchors_;  // by the library's numbers, which begin at 1
  YamlPtr root_;
  std::optional<Failure> failure_;
  int documents_ = 0;
};

// yaml-cpp is given text alone: a 0x04, for one, is the end of the file to it. No character goes beyond a line.
std::optional<Builder::Failure> not_text(std::string_view text) {
  for (int line = 0; !text.empty(); ++line) {
    const std::string_view here = text.substr(0, text.find('\n'));
    const auto control = std::find_if(here.begin(), here.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\r' && c != '\t') || c == 0x7f;
    });
    if (control != here.end())
      return Builder::Failure{line, fmt::format("byte 0x{:02x} is not text", static_cast<unsigned char>(*control))};
    if (!simdjson::validate_utf8(here.data(), here.size())) return Builder::Failure{line, "is not UTF-8"};
    text.remove_prefix(std::min(here.size() + 1, text.size()));
  }
  return std::nullopt;
}

std::unexpected<InputError> at(const std::string& name, int line, std::string_view what) {
  return input_error(fmt::format("{}:{}: {}", name, std::max(line, 0) + 1, what));
}

}  // namespace

Parsed<YamlPtr> parse_yaml(std::string_view text, const std::string& name) {
  if (const auto bad = not_text(text)) return at(name, bad->line, bad->what);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return input_error(name + ": has nothing in it");
    // No further than the second document: behind what no document can begin with the library finds empty ones for
    // ever.
    if (parser.HandleNextDocument(builder) && !builder.failure())
      return input_error(name + ": goes on behind its document");
    if (builder.failure()) return at(name, builder.failure()->line, builder.failure()->what);
    return builder.root();
  } catch (const YAML::DeepRecursion& error) {
    return at(name, error.mark.line, "is nested too deeply");
  } catch (const YAML::Exception& error) {
    return at(name, error.mark.line, "is not YAML: " + targets::quoted(error.msg));
  } catch (const std::exception& error) {
    return input_error(name + ": " + targets::quoted(error.what()));
  }
}

}  // namespace sonde::gateway
