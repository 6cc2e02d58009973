#include "config/yaml_file.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/nearest.h"
#include "config/scan_table.h"
#include "config/values.h"
#include "os/error.h"
#include "os/fd.h"
#include "targets/input_text.h"

namespace sonde::config {
namespace {

// As nodes of the library a file takes up to 250 times its size.
constexpr std::size_t kLargestFile = std::size_t{1} << 20;

// Sees a document go by.
class Passing : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Whether the text goes on behind its first document. Looks no further than the second: YAML::LoadAll would, and it
// never ends where no document can begin (a ',' gives it empty documents for ever).
bool goes_on(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Passing passing;
  return parser.HandleNextDocument(passing) && parser.HandleNextDocument(passing);
}

class Reader {
 public:
  Reader(const std::string& name, scan::ScanOptions& options) : name_(name), options_(options) {}

  Parsed<> read(const YAML::Node& root) {
    if (root.IsNull()) return {};
    if (!root.IsMap()) return fail(root, "a configuration is a map of options, such as 'rate: 10k'");
    for (const auto& entry : root) {
      if (!entry.first.IsScalar()) return fail(entry.first, "a key must be the name of an option");
      const std::string& key = entry.first.Scalar();
      if (!seen_.insert(key).second) return fail(entry.first, sonde::targets::quoted(key) + " stands here twice");
      if (const Parsed<> applied =
              key == "targets" ? targets(entry.first, entry.second) : option(entry.first, entry.second);
          !applied)
        return applied;
    }
    return {};
  }

 private:
  std::unexpected<InputError> fail(const YAML::Node& node, const std::string& what) const {
    return input_error(fmt::format("{}:{}: {}", name_, node.Mark().line + 1, what));
  }

  Parsed<> targets(const YAML::Node& key, const YAML::Node& value) {
    options_.targets.clear();
    if (value.IsScalar()) return target(value);
    if (!value.IsSequence()) return fail(key, "targets: must be a target or a list of them");
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return fail(item, "targets: each must be the text of a target");
      if (const Parsed<> added = target(item); !added) return added;
    }
    return {};
  }

  // What it means is for the plan to say; here it must be one line of text, or it could not be printed and read again.
  Parsed<> target(const YAML::Node& value) {
    Parsed<std::string> text = parse_text(value.Scalar());
    if (!text) return fail(value, "targets: " + text.error().text);
    options_.targets.push_back(std::move(*text));
    return {};
  }

  Parsed<> option(const YAML::Node& key, const YAML::Node& value) {
    const OptionSpec* spec = find_option(key.Scalar());
    if (spec == nullptr) {
      std::vector<std::string_view> names = option_names();
      names.push_back("targets");
      return fail(key, "unknown key " + sonde::targets::quoted(key.Scalar()) + did_you_mean(key.Scalar(), names));
    }
    // An absent value has no place of its own.
    if (value.IsNull()) return fail(key, spec->name + ": has no value");
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
  // yaml-cpp is given text alone: a 0x04, for one, is the end of the file to it.
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
  });
  const auto good = text.begin() + static_cast<std::ptrdiff_t>(utf8_prefix(text));
  if (const auto bad = std::min(control, good); bad != text.end())
    return input_error(fmt::format("{}:{}: byte 0x{:02x} is not text; a configuration is YAML in UTF-8", name,
                                   1 + std::count(text.begin(), bad, '\n'), static_cast<unsigned char>(*bad)));
  // yaml-cpp throws what it finds wrong; nesting is bounded by its own guard.
  try {
    const std::string yaml(text);
    if (goes_on(yaml)) return input_error(name + ": goes on behind its options; '---' may stand at the top alone");
    return Reader(name, options).read(YAML::Load(yaml));
  } catch (const YAML::DeepRecursion& error) {
    return input_error(fmt::format("{}:{}: is nested too deeply", name, std::max(error.mark.line, 0) + 1));
  } catch (const YAML::Exception& error) {
    return input_error(fmt::format("{}:{}: is not YAML: {}", name, std::max(error.mark.line, 0) + 1,
                                   sonde::targets::quoted(error.msg)));
  } catch (const std::exception& error) {
    return input_error(name + ": " + error.what());
  }
}

Parsed<> apply_yaml_file(const std::string& path, scan::ScanOptions& options) {
  const Result<std::string> text = os::read_file(path, kLargestFile);
  if (!text && text.error().kind == ErrorKind::kNoSpace)
    return input_error(
        fmt::format("{}: is larger than {}; long lists of targets belong into a file of their own, list: FILE", path,
                    print_bytes(kLargestFile)));
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
