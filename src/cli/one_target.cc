#include "cli/one_target.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/nearest.h"
#include "config/scan_table.h"
#include "results/encoder.h"
#include "scan/pipeline.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using config::OptionSpec;

// Of `sonde scan`, what makes sense for one target.
constexpr auto kShared =
    std::to_array<std::string_view>({"ports", "connect-timeout", "tls-timeout", "read-timeout", "dns-timeout",
                                     "timeout", "retries", "resolvers", "ip-version", "exclude", "engine"});

std::vector<const OptionSpec*> specs_of(const OneTarget& command) {
  const auto wanted = [&](const std::string& name) {
    return std::ranges::any_of(command.options, [&](const engine::OptionDef& def) { return name == def.name; }) ||
           std::ranges::find(kShared, name) != kShared.end();
  };
  std::vector<const OptionSpec*> specs;
  for (const OptionSpec& spec : config::scan_table())
    if (wanted(spec.name)) specs.push_back(&spec);
  return specs;
}

// What --help shows as the default: the command's, or the scan's.
std::string default_of(const OneTarget& command, const OptionSpec& spec) {
  for (const auto& [name, value] : command.defaults) {
    if (name != spec.name) continue;
    if (spec.kind != OptionSpec::Kind::kFlag) return std::string(value);
    return value == "true" ? "on; --" + spec.name + "=false turns it off" : "";
  }
  if (spec.kind == OptionSpec::Kind::kFlag) return {};
  const std::vector<std::string> shown = spec.get(scan::ScanOptions());
  return shown.empty() ? spec.unset : shown.front();
}

std::string help_of(const OneTarget& command) {
  std::string out(command.intro);
  out += "\n      --format page|json          a page to read, or the record on one line [page]\n";
  const auto entry = [&out](char letter, std::string_view name, std::string_view metavar, std::string_view text) {
    const std::string before = letter != 0 ? fmt::format("-{}, ", letter) : "    ";
    config::append_help_entry(out, fmt::format("  {}--{}{}{}", before, name, metavar.empty() ? "" : " ", metavar),
                              text);
  };
  for (const auto& [token, text] : command.own) entry(token.letter, token.name, "", text);
  for (const OptionSpec* spec : specs_of(command)) {
    std::string text = spec->help;
    std::string value = default_of(command, *spec);
    if (spec->name == "ports") {
      text = "one port; the target may name it instead";
      value = command.ports;
    }
    entry(spec->letter, spec->name, spec->metavar, value.empty() ? text : fmt::format("{} [{}]", text, value));
  }
  out += "  -h, --help                      print this\n";
  out += command.outro;
  return out;
}

// Makes the page, or lets the chosen encoder make its line, and notes how the probe ended.
class OneRecord final : public results::Encoder {
 public:
  OneRecord(std::unique_ptr<results::Encoder> json, const Telling& telling, bool& good)
      : json_(std::move(json)), telling_(telling), good_(good) {}
  void append(const results::Record& record, std::string& out) const override {
    good_ = telling_.is_good(record);
    if (json_) {
      json_->append(record, out);
    } else {
      out += telling_.page(record);
    }
  }

 private:
  std::unique_ptr<results::Encoder> json_;  // null: the page
  const Telling& telling_;
  bool& good_;
};

Parsed<> set(scan::ScanOptions& options, const std::string& name, const std::string& value) {
  const OptionSpec* spec = config::find_option(name);
  if (spec == nullptr) return {};
  if (const Parsed<> done = spec->set(options, value); !done)
    return input_error("--" + name + ": " + done.error().text);
  return {};
}

Parsed<scan::ScanOptions> options_of(const OneTarget& command, const CommandLine& line) {
  scan::ScanOptions options;
  options.targets = line.positionals;
  options.probe = {std::string(command.probe)};
  options.all = true;
  options.workers = 1;
  options.concurrency = 1;
  options.progress = scan::ProgressStyle::kNone;
  options.format = scan::Format::kNdjson;
  for (const auto& [name, value] : command.defaults)
    if (const Parsed<> done = set(options, std::string(name), std::string(value)); !done)
      return std::unexpected(done.error());
  for (const Given& given : line.options) {
    const bool own = given.name == "format" ||  // not the scan's
                     std::ranges::any_of(command.own, [&](const auto& mine) { return mine.first.name == given.name; });
    if (own) continue;
    if (const Parsed<> done = set(options, given.name, given.value); !done) return std::unexpected(done.error());
  }
  return options;
}

// page or json; ndjson is json.
Parsed<bool> wants_json(const CommandLine& line) {
  static constexpr auto kFormats = std::to_array<std::string_view>({"page", "json"});
  const std::string* format = line.find("format");
  if (format == nullptr || *format == "page") return false;
  if (*format == "json" || *format == "ndjson") return true;
  return input_error(fmt::format("--format: {} is not one of page, json{}", targets::quoted(*format),
                                 did_you_mean(*format, kFormats)));
}

}  // namespace

bool wants_colour() {
  const char* off = getenv("NO_COLOR");   // NOLINT(concurrency-mt-unsafe): before any thread begins
  const char* terminal = getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  return isatty(STDOUT_FILENO) != 0 && (off == nullptr || *off == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

int run_one_target(const OneTarget& command, std::span<const std::string> arguments) {
  std::vector<Token> tokens = {{.name = "format"}};
  for (const auto& [token, text] : command.own) tokens.push_back(token);
  for (const OptionSpec* spec : specs_of(command))
    tokens.push_back(
        {.name = spec->name, .letter = spec->letter, .takes_value = spec->kind != OptionSpec::Kind::kFlag});
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(help_of(command));
  if (line->positionals.size() != 1) return complain(line->positionals.empty() ? command.wanted : command.many);
  const Parsed<bool> json = wants_json(*line);
  if (!json) return complain(json.error().text);
  Parsed<scan::ScanOptions> options = options_of(command, *line);
  if (!options) return complain(options.error().text);
  const Parsed<Telling> telling = command.prepare(*line, *options);
  if (!telling) return complain(telling.error().text);

  bool good = false;
  const int code = scan::run(*options, [&](std::unique_ptr<results::Encoder> chosen) {
    return std::make_unique<OneRecord>(*json ? std::move(chosen) : nullptr, *telling, good);
  });
  return code == scan::kExitDone && !good ? 1 : code;
}

}  // namespace sonde::cli
