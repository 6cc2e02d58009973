#include "config/yaml_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "base/nearest.h"
#include "config/scan_table.h"
#include "config/values.h"
#include "os/error.h"
#include "os/fd.h"

namespace sonde::config {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} << 20;

class Reader {
 public:
  Reader(const std::string& name, scan::ScanOptions& options) : name_(name), options_(options) {}

  Parsed<> read(const YAML::Node& root) {
    if (root.IsNull()) return {};
    if (!root.IsMap()) return fail(root, "a configuration is a map of options, such as 'rate: 10k'");
    for (const auto& entry : root) {
      if (!entry.first.IsScalar()) return fail(entry.first, "a key must be the name of an option");
      const std::string& key = entry.first.Scalar();
      if (!seen_.insert(key).second) return fail(entry.first, "'" + key + "' stands here twice");
      if (const Parsed<> applied = key == "targets" ? targets(entry.second) : option(entry.first, entry.second);
          !applied)
        return applied;
    }
    return {};
  }

 private:
  std::unexpected<InputError> fail(const YAML::Node& node, const std::string& what) const {
    return input_error(fmt::format("{}:{}: {}", name_, node.Mark().line + 1, what));
  }

  Parsed<> targets(const YAML::Node& value) {
    options_.targets.clear();
    if (value.IsScalar()) {
      options_.targets.push_back(value.Scalar());
      return {};
    }
    if (!value.IsSequence()) return fail(value, "targets: must be a target or a list of them");
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return fail(item, "targets: each must be the text of a target");
      options_.targets.push_back(item.Scalar());
    }
    return {};
  }

  Parsed<> option(const YAML::Node& key, const YAML::Node& value) {
    const OptionSpec* spec = find_option(key.Scalar());
    if (spec == nullptr) {
      std::vector<std::string_view> names = option_names();
      names.push_back("targets");
      return fail(key, "unknown key '" + key.Scalar() + "'" + did_you_mean(key.Scalar(), names));
    }
    if (spec->kind != OptionSpec::Kind::kMany) {
      if (!value.IsScalar()) return fail(value, spec->name + ": must be a single value");
      return set(*spec, value);
    }
    spec->clear(options_);
    if (value.IsScalar()) return set(*spec, value);
    if (!value.IsSequence()) return fail(value, spec->name + ": must be a value or a list of them");
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return fail(item, spec->name + ": each must be a single value");
      if (const Parsed<> applied = set(*spec, item); !applied) return applied;
    }
    return {};
  }

  Parsed<> set(const OptionSpec& spec, const YAML::Node& value) {
    if (const Parsed<> applied = spec.set(options_, value.Scalar()); !applied)
      return fail(value, spec.name + ": " + applied.error().text);
    return {};
  }

  const std::string& name_;
  scan::ScanOptions& options_;
  std::set<std::string> seen_;
};

}  // namespace

Parsed<> apply_yaml(std::string_view text, const std::string& name, scan::ScanOptions& options) {
  if (utf8_prefix(text) != text.size() || text.find('\0') != std::string_view::npos)
    return input_error(name + ": not a text file; a configuration is YAML in UTF-8");
  // yaml-cpp throws what it finds wrong; nesting is bounded by its own guard.
  try {
    return Reader(name, options).read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    return input_error(fmt::format("{}:{}: {}", name, error.mark.line + 1, error.msg));
  } catch (const std::exception& error) {
    return input_error(name + ": " + error.what());
  }
}

Parsed<> apply_yaml_file(const std::string& path, scan::ScanOptions& options) {
  const Result<std::string> text = os::read_file(path, kLargestFile);
  if (!text) return input_error("--config " + path + ": " + os::describe(text.error()));
  return apply_yaml(*text, path, options);
}

std::string print_yaml(const scan::ScanOptions& options) {
  YAML::Emitter out;
  const auto list = [&](const std::vector<std::string>& items) {
    out << YAML::BeginSeq;
    for (const std::string& item : items) out << item;
    out << YAML::EndSeq;
  };
  out << YAML::BeginMap;
  if (!options.targets.empty()) {
    out << YAML::Key << "targets" << YAML::Value;
    list(options.targets);
  }
  for (const OptionSpec& spec : scan_table()) {
    const std::vector<std::string> texts = spec.get(options);
    if (texts.empty()) continue;
    out << YAML::Key << spec.name << YAML::Value;
    if (spec.kind == OptionSpec::Kind::kMany) {
      list(texts);
    } else {
      out << texts.front();
    }
  }
  out << YAML::EndMap;
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace sonde::config
