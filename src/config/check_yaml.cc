#include "config/check_yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/nearest.h"
#include "config/go_values.h"
#include "config/hidden_yaml.h"
#include "config/module_yaml.h"
#include "gateway/discovery/sd_document.h"
#include "targets/input_text.h"
#include "wire/url.h"

namespace sonde::config {
namespace {

using gateway::CheckEntry;
using targets::quoted;

constexpr Nanos kShortestInterval = 100 * kMillisecond;
constexpr std::int64_t kMostInARow = 1000;  // rise, fall
constexpr std::int64_t kWidestFlap = 1000;  // results that a check remembers

Parsed<Nanos> parse_interval(std::string_view text) {
  const Parsed<Nanos> interval = parse_span(text);
  if (interval && *interval < kShortestInterval)
    return input_error(quoted(text) + " is too short: an interval is at least 100ms");
  return interval;
}

Parsed<gateway::Priority> parse_priority(std::string_view text) {
  const auto found = std::ranges::find(gateway::kPriorityNames, text);
  if (found == gateway::kPriorityNames.end())
    return input_error(fmt::format("{} is not one of {}{}", quoted(text), fmt::join(gateway::kPriorityNames, ", "),
                                   did_you_mean(text, gateway::kPriorityNames)));
  return static_cast<gateway::Priority>(found - gateway::kPriorityNames.begin());
}

// Prometheus' rule: '*' in the last element, an ending that says the format.
Parsed<> check_file_sd(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view directory = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  if (targets::is_binary(path)) return input_error(quoted(path) + " is not the name of a file");
  if (directory.find('*') != std::string_view::npos)
    return input_error(quoted(path) + " has a '*' in a folder's name: it may stand in the last element alone");
  if (!path.ends_with(".json") && !path.ends_with(".yml") && !path.ends_with(".yaml"))
    return input_error(quoted(path) + " must end in .json, .yml or .yaml");
  return {};
}

void read_module_name(Section& section, const std::vector<std::string_view>& modules, std::string& out) {
  const Value* value = section.find("module");
  std::string name;
  if (value != nullptr && !take(*value, name)) return;
  if (name.empty()) return section.fail("module", "needs a module, the name of one under 'modules'");
  if (std::ranges::find(modules, name) != modules.end()) {
    out = std::move(name);
  } else {
    const std::string_view near = nearest(name, modules);  // of the file too, so that it may be any text
    value->fail("there is no module " + quoted(name) + (near.empty() ? "" : "; did you mean " + quoted(near) + "?"));
  }
}

void read_targets(Section& section, std::vector<std::string>& out) {
  const Value* list = section.find("targets");
  if (list == nullptr) return;
  std::unordered_set<std::string> seen;
  for (const Value& item : items_of(*list)) {
    std::string text;
    if (!take(item, text)) continue;
    if (text.empty() || text.size() > gateway::kSdTargetLength || targets::is_binary(text)) {
      item.fail(fmt::format("{} is not a target: one line of 1 to {} bytes", quoted(without_password(text)),
                            gateway::kSdTargetLength));
    } else if (!seen.insert(text).second) {
      item.fail(quoted(without_password(text)) + " stands here twice");
    } else {
      out.push_back(std::move(text));
    }
  }
}

void read_file_sd(Section& section, const std::string& directory, std::vector<std::string>& out) {
  const Value* list = section.find("file_sd");
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    std::string path;
    if (!take(item, path)) continue;
    if (const Parsed<> good = check_file_sd(path); !good) {
      item.fail(good.error().text);
    } else {
      out.push_back(absolute(directory, path));
    }
  }
}

Parsed<std::string> parse_http_url(std::string_view text) {
  if (const auto url = wire::parse_url(text); !url)
    return input_error(fmt::format("{} is not a URL: {}", quoted(without_password(text)), url.error().text));
  return std::string(text);
}

void read_http_sd(Section& section, std::vector<gateway::HttpSd>& out) {
  const Value* list = section.find("http_sd");
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    Section source(item);
    gateway::HttpSd& sd = out.emplace_back();
    if (item.node->is_map() && !source.has("url")) source.fail("url", "needs a url");
    source.read_text("url", sd.url, parse_http_url);
    source.read_text("refresh", sd.refresh, [](std::string_view text) -> Parsed<Nanos> {
      const Parsed<Nanos> refresh = parse_span(text);
      if (refresh && *refresh < kSecond) return input_error(quoted(text) + " is too short: at least 1s");
      return refresh;
    });
    source.finish();
  }
}

void read_flap(Section& section, std::optional<gateway::FlapOptions>& out) {
  const Value* value = section.find("flap");
  if (value == nullptr) return;
  Section flap(*value);
  gateway::FlapOptions& options = out.emplace();
  flap.read_integer("window", 2, kWidestFlap, options.window);
  flap.read("high", options.high);
  flap.read("low", options.low);
  if (!(options.low > 0 && options.low <= options.high && options.high <= 1))
    flap.fail("high", "low and high are shares of the window: 0 < low <= high <= 1");
  flap.finish();
}

void read_labels(Section& section, gateway::LabelSet& out) {
  const Value* map = section.find("labels");
  if (map == nullptr) return;
  for (const Entry& entry : entries_of(*map)) {
    std::string text;
    if (!gateway::is_label_name(entry.key) || entry.key.starts_with("__")) {
      entry.value.findings->add(
          entry.line, entry.value.path,
          quoted(entry.key) + " is not the name of a label: letters, digits and '_', without \"__\" in front");
    } else if (entry.value.node->is_null() || take(entry.value, text)) {
      out.emplace(entry.key, std::move(text));
    }
  }
  if (out.size() > gateway::kSdLabels) map->fail(fmt::format("has more than {} labels", gateway::kSdLabels));
}

CheckEntry read_check(const Value& value, const std::vector<std::string_view>& modules, const std::string& directory) {
  CheckEntry out;
  Section section(value);
  if (!value.node->is_map()) return out;
  section.read("name", out.name);
  if (out.name.empty()) section.fail("name", "needs a name, which is the label 'check' of its metrics");
  read_module_name(section, modules, out.module);
  read_targets(section, out.targets);
  read_file_sd(section, directory, out.file_sd);
  read_http_sd(section, out.http_sd);
  if (!section.has("targets") && !section.has("file_sd") && !section.has("http_sd"))
    section.fail("needs targets, file_sd or http_sd");
  section.read_text("interval", out.interval, parse_interval);
  section.read_integer("rise", 1, kMostInARow, out.rise);
  section.read_integer("fall", 1, kMostInARow, out.fall);
  read_flap(section, out.flap);
  section.read_text("priority", out.priority, parse_priority);
  read_labels(section, out.labels);
  section.finish();
  return out;
}

}  // namespace

std::vector<CheckEntry> read_checks(const Value& checks, const std::vector<std::string_view>& modules,
                                    const std::string& directory) {
  std::vector<CheckEntry> out;
  std::set<std::string> names;
  for (const Value& item : items_of(checks)) {
    CheckEntry& entry = out.emplace_back(read_check(item, modules, directory));
    if (!entry.name.empty() && !names.insert(entry.name).second)
      Section(item).fail("name", quoted(entry.name) + " is the name of another check");
  }
  return out;
}

gateway::SelfOptions read_self(const Value& self, const std::vector<std::string_view>& modules) {
  gateway::SelfOptions out;
  Section section(self);
  if (!self.node->is_map()) return out;
  read_targets(section, out.targets);
  if (!section.has("targets")) section.fail("targets", "needs targets, some of which always answer");
  read_module_name(section, modules, out.module);
  section.read_text("interval", out.interval, parse_interval);
  section.finish();
  return out;
}

void read_urls(Section& section, std::string_view key, std::vector<std::string>& out) {
  const Value* list = section.find(key);
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    std::string text;
    if (!take(item, text)) continue;
    if (const Parsed<std::string> url = parse_http_url(text)) {
      out.push_back(*url);
    } else {
      item.fail(url.error().text);
    }
  }
}

}  // namespace sonde::config
