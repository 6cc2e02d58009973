#include "probes/check/go_pattern.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/utf8.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

// A text made valid, and where its bytes were before.
struct Repaired {
  std::string text;
  std::vector<std::size_t> origin;  // of each byte, and of the end
};

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// `maps`: where the bytes were before is wanted.
Repaired repair(std::string_view text, bool maps) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  Repaired out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const std::string_view character = length == 0 ? kReplacement : text.substr(at, length);
    out.text += character;
    if (maps) out.origin.insert(out.origin.end(), character.size(), at);
    at += std::max<std::size_t>(length, 1);
  }
  out.origin.push_back(text.size());
  return out;
}

bool match(const RE2& pattern, std::string_view text, std::span<std::string_view> groups) {
  std::vector<re2::StringPiece> found(groups.size());
  const re2::StringPiece all(text.data(), text.size());
  if (!pattern.Match(all, 0, text.size(), RE2::UNANCHORED, found.data(), static_cast<int>(found.size()))) return false;
  for (std::size_t i = 0; i < found.size(); ++i)
    groups[i] = found[i].data() == nullptr ? std::string_view() : std::string_view(found[i].data(), found[i].size());
  return true;
}

bool is_name(char c) { return wire::is_letter(c) || wire::is_digit(c) || c == '_'; }

// A number without leading zeros; nothing for what is a name.
std::optional<std::size_t> group_number(std::string_view name) {
  if (name.size() > 9 || (name.size() > 1 && name.front() == '0')) return std::nullopt;
  std::size_t number = 0;
  for (const char c : name) {
    if (!wire::is_digit(c)) return std::nullopt;
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number;
}

std::string_view group_called(const RE2& pattern, std::string_view name, std::span<const std::string_view> groups) {
  std::optional<std::size_t> number = group_number(name);
  if (!number) {
    const auto& names = pattern.NamedCapturingGroups();
    const auto found = names.find(std::string(name));
    if (found == names.end()) return {};
    number = static_cast<std::size_t>(found->second);
  }
  return *number < groups.size() ? groups[*number] : std::string_view();
}

}  // namespace

bool go_match(const RE2& pattern, std::string_view text, std::span<std::string_view> groups) {
  if (is_valid(text)) return match(pattern, text.empty() ? "" : text, groups);
  const Repaired repaired = repair(text, !groups.empty());
  if (!match(pattern, repaired.text, groups)) return false;
  for (std::string_view& group : groups) {
    if (group.data() == nullptr) continue;
    const auto begin = static_cast<std::size_t>(group.data() - repaired.text.data());
    const std::size_t from = repaired.origin[begin];
    group = text.substr(from, repaired.origin[begin + group.size()] - from);
  }
  return true;
}

std::string go_expand(const RE2& pattern, std::string_view replacement, std::span<const std::string_view> groups) {
  std::string out;
  while (!replacement.empty()) {
    const std::size_t dollar = std::min(replacement.find('$'), replacement.size());
    out += replacement.substr(0, dollar);
    replacement.remove_prefix(dollar);
    if (replacement.empty()) break;
    const bool braced = replacement.substr(1).starts_with('{');
    const std::string_view rest = replacement.substr(braced ? 2 : 1);
    const auto length = static_cast<std::size_t>(std::ranges::find_if_not(rest, is_name) - rest.begin());
    if (!braced && rest.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(2);
    } else if (length == 0 || (braced && !rest.substr(length).starts_with('}'))) {
      out += '$';
      replacement.remove_prefix(1);
    } else {
      out += group_called(pattern, rest.substr(0, length), groups);
      replacement = rest.substr(length + (braced ? 1 : 0));
    }
  }
  return out;
}

}  // namespace sonde::probes
