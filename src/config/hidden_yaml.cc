#include "config/hidden_yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sonde::config {
namespace {

using gateway::YamlNode;

constexpr auto kSecretKeys =
    std::to_array<std::string_view>({"password", "credentials", "bearer_token", "client_secret"});
constexpr auto kSecretHeaders =
    std::to_array<std::string_view>({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"});

// What a value is, as far as it matters.
enum class Place : unsigned char { kPlain, kSecret, kHeaders, kAuth, kWebhooks };

bool is_secret_header(std::string_view key) {
  return std::ranges::any_of(kSecretHeaders, [&](std::string_view name) {
    return std::ranges::equal(key, name,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  });
}

Place place_below(Place place, std::string_view key) {
  if (place == Place::kSecret || place == Place::kWebhooks) return place;
  if (place == Place::kAuth && key == "basic") return Place::kSecret;
  if (place == Place::kHeaders) return is_secret_header(key) ? Place::kSecret : Place::kPlain;
  if (std::ranges::find(kSecretKeys, key) != kSecretKeys.end() || key == "proxy_connect_header") return Place::kSecret;
  if (key == "headers") return Place::kHeaders;
  if (key == "auth") return Place::kAuth;
  if (key == "webhooks") return Place::kWebhooks;
  return Place::kPlain;
}

// "https://host/…", the rest hidden: such addresses are secrets in themselves.
std::string without_path(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(kHidden);
  const std::size_t path = text.find_first_of("/?#", scheme + 3);
  if (path == std::string_view::npos || path + 1 == text.size()) return without_password(text);
  return without_password(text.substr(0, path + 1)) + std::string(kHidden);
}

// Whether a text may stand without quotes and mean what it meant: words, numbers, paths.
bool is_bare(std::string_view text) {
  if (text == "null" || text == "Null" || text == "NULL") return false;  // a text by its tag alone
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/';
  };
  const std::size_t first = text.find_first_not_of("+-.");
  return first <= 1 && first < text.size() && word(text[first]) &&
         std::ranges::all_of(text, [&](char c) { return word(c) || c == '+' || c == '-' || c == '.'; });
}

void append_text(std::string& out, std::string_view text, bool plain) {
  if (plain && is_bare(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

using Entry = std::pair<const YamlNode*, const YamlNode*>;

// A map's own entries count before those that it merges.
void gather(const YamlNode& map, std::unordered_set<std::string_view>& seen, std::vector<Entry>& out) {
  const auto merges = [](const YamlNode& key) { return key.plain && key.text == "<<"; };
  for (const auto& [key, value] : map.entries)
    if (key->is_scalar() && !merges(*key) && seen.insert(key->text).second) out.emplace_back(key.get(), value.get());
  for (const auto& [key, value] : map.entries) {
    if (!merges(*key)) continue;
    if (value->is_map()) gather(*value, seen, out);
    for (const auto& item : value->items)
      if (item->is_map()) gather(*item, seen, out);
  }
}

// Block style. A value begins behind what leads to it ("key:", "-", or nothing) and ends without a line end.
class Shower {
 public:
  void show(const YamlNode& node, Place place, std::size_t indent) {
    switch (node.kind) {
      case YamlNode::Kind::kNull:
        out_ += "null";
        return;
      case YamlNode::Kind::kScalar:
        scalar(node, place);
        return;
      case YamlNode::Kind::kSequence:
        for (const auto& item : node.items) {
          begin_line(indent);
          out_ += "- ";
          show(*item, place, indent + 2);
        }
        if (node.items.empty()) out_ += "[]";
        return;
      case YamlNode::Kind::kMap: {
        std::unordered_set<std::string_view> seen;
        std::vector<Entry> entries;
        gather(node, seen, entries);
        for (const auto& [key, value] : entries) entry(*key, *value, place, indent);
        if (entries.empty()) out_ += "{}";
        return;
      }
    }
  }
  std::string take() { return std::move(out_); }

 private:
  // Behind "- " the first entry needs no line of its own.
  void begin_line(std::size_t indent) {
    if (out_.empty() || out_.ends_with("- ")) return;
    out_ += '\n';
    out_.append(indent, ' ');
  }

  void entry(const YamlNode& key, const YamlNode& value, Place place, std::size_t indent) {
    begin_line(indent);
    std::string name;
    append_text(name, key.text, key.plain);
    // A key may be longer than what YAML takes for one by the ':' behind it (YAML 1.2, 7.4.2).
    constexpr std::size_t kLongestSimpleKey = 1000;
    out_ += name.size() <= kLongestSimpleKey ? name : "? " + name + "\n" + std::string(indent, ' ');
    out_ += ':';
    const std::size_t behind = out_.size();
    show(value, place_below(place, key.text), indent + 2);
    if (out_[behind] != '\n') out_.insert(behind, 1, ' ');
  }

  void scalar(const YamlNode& node, Place place) {
    if (place == Place::kSecret && !node.text.empty()) {
      out_ += kHidden;
    } else {
      append_text(out_, place == Place::kWebhooks ? without_path(node.text) : without_password(node.text), node.plain);
    }
  }

  std::string out_;
};

}  // namespace

std::string hidden_yaml(const YamlNode& root) {
  Shower shower;
  shower.show(root, Place::kPlain, 0);
  return shower.take() + "\n";
}

std::string without_password(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const std::size_t begin = scheme + 3;
  const std::string_view authority = text.substr(begin, text.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (at == std::string_view::npos || colon > at) return std::string(text);
  return std::string(text.substr(0, begin + colon + 1)) + std::string(kHidden) + std::string(text.substr(begin + at));
}

}  // namespace sonde::config
