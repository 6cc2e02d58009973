// Sections of a configuration in YAML, read key by key into typed fields. What is wrong is noted with its line and path
// and reading goes on, so that all errors of a file are told at once. Types are those of Go's yaml.v3, which
// blackbox_exporter reads with: null leaves a field as it is, quotes make a text of a number, "<<" merges.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gateway/discovery/yaml_tree.h"

namespace sonde::config {

// What is wrong in one file. At most kMostFindings are kept, and the number of the others.
class Findings {
 public:
  static constexpr std::size_t kMostFindings = 200;
  explicit Findings(std::string file) : file_(std::move(file)) {}

  void add(std::uint32_t line, std::string_view path, std::string_view what);
  // What blackbox_exporter would take, though no probe can come of it.
  void doubt(std::uint32_t line, std::string_view path, std::string_view what);
  bool empty() const { return errors_.found.empty(); }
  // "gateway.yaml:17: modules.a.timeout: …", by line.
  std::vector<InputError> errors() const { return told(errors_, "errors"); }
  std::vector<InputError> doubts() const { return told(doubts_, "doubts"); }
  // The last doubt since the last call, as what is wrong with the module at hand; empty: there was none.
  std::string take_doubt() { return std::exchange(last_doubt_, {}); }

 private:
  struct List {
    std::multimap<std::uint32_t, std::string> found;  // by line, of one line in their order
    std::size_t more = 0;
  };
  void note(List& list, std::uint32_t line, std::string_view path, std::string_view what);
  std::vector<InputError> told(const List& list, std::string_view what) const;

  std::string file_;
  List errors_, doubts_;
  std::string last_doubt_;
};

// A value of the file: where it stands, what it is. Borrows the tree, and the findings that it notes errors in.
struct Value {
  const gateway::YamlNode* node = nullptr;
  std::string path;
  Findings* findings = nullptr;

  void fail(std::string_view what) const { findings->add(node->line, path, what); }
  void doubt(std::string_view what) const { findings->doubt(node->line, path, what); }
};

// Each false, with an error noted and `out` as it was, for what is not of the type.
bool take(const Value& value, std::string& out);  // any scalar
bool take(const Value& value, bool& out);         // true, yes, on, y, …
bool take(const Value& value, std::int64_t& out);
bool take(const Value& value, double& out);

// The entries of a map, merges resolved: what the map says itself comes first and counts. A key that is there twice is
// an error; null values stay. An empty list, with an error noted, for what is no map.
struct Entry {
  std::string_view key;
  std::uint32_t line;  // of the key
  Value value;
};
std::vector<Entry> entries_of(const Value& map);

// The items of a list without its nulls; empty, with an error noted, for what is no list.
std::vector<Value> items_of(const Value& list);

// A map with known keys: those that were asked for.
class Section {
 public:
  explicit Section(const Value& map) : map_(map), entries_(entries_of(map)) {}

  // Null: absent, or null.
  const Value* find(std::string_view key);
  bool has(std::string_view key) { return find(key) != nullptr; }

  template <typename T>
  void read(std::string_view key, T& out) {
    if (const Value* value = find(key)) take(*value, out);
  }
  void read(std::string_view key, std::vector<std::string>& out);
  void read_integer(std::string_view key, std::int64_t least, std::int64_t most, auto& out) {
    std::int64_t number = 0;
    if (const Value* value = find(key);
        value != nullptr && take(*value, number) && in_range(*value, number, least, most))
      out = static_cast<std::remove_reference_t<decltype(out)>>(number);
  }
  // Of a text: `parse` gives a Parsed<T>.
  template <typename T, typename Parse>
  void read_text(std::string_view key, T& out, Parse&& parse, bool only_doubtful = false) {
    const Value* value = find(key);
    std::string text;
    if (value == nullptr || !take(*value, text)) return;
    if (auto parsed = parse(std::string_view(text))) {
      out = static_cast<T>(std::move(*parsed));
    } else if (only_doubtful) {
      value->doubt(parsed.error().text);
    } else {
      value->fail(parsed.error().text);
    }
  }

  // An error that stands at a key, or at the section when it has not the key.
  void fail(std::string_view key, std::string_view what) const;
  void doubt(std::string_view key, std::string_view what) const;
  void fail(std::string_view what) const { map_.fail(what); }
  void doubt(std::string_view what) const { map_.doubt(what); }
  // Notes the keys that nobody asked for. `hint` may say more of a key that is not known, or nothing.
  void finish(const std::function<std::string(std::string_view)>& hint = {}) const;

 private:
  static bool in_range(const Value& value, std::int64_t number, std::int64_t least, std::int64_t most);

  const Value map_;
  std::vector<Entry> entries_;
  std::vector<std::string_view> known_;
};

}  // namespace sonde::config
