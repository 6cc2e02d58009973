#include "targets/exclusion.h"

#include <algorithm>

#include "targets/input_text.h"
#include "targets/list_reader.h"
#include "targets/target_expression.h"

namespace sonde::targets {

Parsed<> Exclusion::add_item(std::string_view text) {
  auto parsed = parse_target(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (parsed->port != 0)
    return input_error(quoted(text) +
                       " names a port: exclusions are CIDRs, ranges, addresses and host names, for all ports");
  if (parsed->is_name())
    names_.push_back(std::move(parsed->host));
  else
    addresses_.add(parsed->range);
  return {};
}

void Exclusion::normalize() {
  addresses_.normalize();
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

Parsed<> Exclusion::add(std::string_view comma_list, std::string_view where) {
  Parsed<> result;
  for (bool more = true; more && result;) {
    const std::size_t comma = comma_list.find(',');
    result = add_item(trimmed(comma_list.substr(0, comma)));
    more = comma != std::string_view::npos;
    if (more) comma_list.remove_prefix(comma + 1);
  }
  normalize();
  if (!result) return input_error(located(where, result.error().text));
  return {};
}

Parsed<> Exclusion::add(std::span<const std::string> items, std::string_view where) {
  Parsed<> result;
  for (auto item = items.begin(); item != items.end() && result; ++item) result = add_item(trimmed(*item));
  normalize();
  if (!result) return input_error(located(where, result.error().text));
  return {};
}

Parsed<> Exclusion::add_list_file(const std::string& path) {
  auto lines = read_list(path, [&](const Line& line) { return add_item(line.text); });
  normalize();
  if (!lines) return std::unexpected(std::move(lines.error()));
  return {};
}

bool Exclusion::contains_name(std::string_view name) const {
  return std::binary_search(names_.begin(), names_.end(), name, std::less<>());
}

bool Exclusion::covers(const Exclusion& other) const {
  const auto within = [](const auto& set, const auto& ranges) {
    return std::all_of(ranges.begin(), ranges.end(), [&](const auto& range) { return set.covers(range); });
  };
  return within(addresses_.v4, other.addresses_.v4.ranges()) && within(addresses_.v6, other.addresses_.v6.ranges()) &&
         std::includes(names_.begin(), names_.end(), other.names_.begin(), other.names_.end());
}

std::vector<std::string> Exclusion::texts() const {
  std::vector<std::string> out;
  const auto add_range = [&](const AddressRange& range) {
    out.push_back(range.single() ? to_string(range.first) : to_string(range.first) + "-" + to_string(range.last));
  };
  for (const auto& range : addresses_.v4.ranges()) add_range({IpAddress::v4(range.first), IpAddress::v4(range.last)});
  for (const auto& range : addresses_.v6.ranges()) add_range({IpAddress::v6(range.first), IpAddress::v6(range.last)});
  out.insert(out.end(), names_.begin(), names_.end());
  return out;
}

}  // namespace sonde::targets
