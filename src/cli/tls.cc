#include "cli/tls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/tls_asked.h"
#include "cli/tls_page.h"
#include "config/scan_table.h"
#include "os/machine.h"
#include "probes/tls/tls_options.h"
#include "scan/pipeline.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using config::OptionSpec;

// Of `sonde scan`, what makes sense for one target.
constexpr auto kShared = std::to_array<std::string_view>({"ports", "connect-timeout", "tls-timeout", "read-timeout",
                                                          "dns-timeout", "timeout", "retries", "resolvers", "engine"});
// Everything there is to know, unless the command line says otherwise.
constexpr auto kDefaults = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"tls-engine", "full"}, {"verify", "true"}, {"enumerate", "versions,ciphers,groups"}});

bool is_module_option(std::string_view name) {
  return std::ranges::any_of(probes::tls_option_defs(), [&](const engine::OptionDef& def) { return name == def.name; });
}

std::vector<const OptionSpec*> specs() {
  std::vector<const OptionSpec*> specs;
  for (const OptionSpec& spec : config::scan_table())
    if (is_module_option(spec.name) || std::ranges::find(kShared, spec.name) != kShared.end()) specs.push_back(&spec);
  return specs;
}

// What --help shows as the default: ours, or the scan's.
std::string default_of(const OptionSpec& spec) {
  for (const auto& [name, value] : kDefaults)
    if (name == spec.name) return value == "true" ? "on; --" + spec.name + "=false turns it off" : std::string(value);
  if (spec.kind == OptionSpec::Kind::kFlag) return {};
  const std::vector<std::string> shown = spec.get(scan::ScanOptions());
  return shown.empty() ? spec.unset : shown.front();
}

std::string help() {
  std::string out =
      "Usage: sonde tls [OPTION …] HOST[:PORT]\n\n"
      "One target, everything about its TLS: whether a browser would accept it and until when, the chain,\n"
      "what the server supports, how long each phase took, and what is wrong with it.\n\n"
      "HOST: host.example · 192.0.2.1 · [2001:db8::1]:8443 · https://host.example/\n\n"
      "      --format page|json          a page to read, or the record on one line [page]\n";
  for (const OptionSpec* spec : specs()) {
    const std::string letter = spec->letter != 0 ? fmt::format("-{}, ", spec->letter) : "    ";
    const std::string head =
        fmt::format("  {}--{}{}{}", letter, spec->name, spec->metavar.empty() ? "" : " ", spec->metavar);
    std::string text = spec->help;
    std::string value = default_of(*spec);
    if (spec->name == "ports") {
      text = "one port; the target may name it instead";
      value = "443; with --starttls the service's own";
    }
    config::append_help_entry(out, head, value.empty() ? text : fmt::format("{} [{}]", text, value));
  }
  return out +
         "  -h, --help                      print this\n"
         "\nExit codes: 0 the handshake was completed · 1 it was not · 2 bad usage or input\n"
         "\nExamples:\n"
         "  sonde tls host.example\n"
         "  sonde tls mail.example --starttls smtp\n"
         "  sonde tls 192.0.2.1:8443 --sni host.example --ca roots.pem --resumption\n"
         "  sonde tls host.example --format json | jq .tls.certificate.not_after\n";
}

// Makes the page, or lets the chosen encoder make its line, and notes how the probe ended.
class OneRecord final : public results::Encoder {
 public:
  OneRecord(std::unique_ptr<results::Encoder> json, PageStyle style, bool& completed)
      : json_(std::move(json)), style_(std::move(style)), completed_(completed) {}
  void append(const results::Record& record, std::string& out) const override {
    completed_ = record.outcome == results::Outcome::kSuccess;
    if (json_) {
      json_->append(record, out);
    } else {
      out += tls_page(record, style_);
    }
  }

 private:
  std::unique_ptr<results::Encoder> json_;  // null: the page
  PageStyle style_;
  bool& completed_;
};

Parsed<> set(scan::ScanOptions& options, const std::string& name, const std::string& value) {
  const OptionSpec* spec = config::find_option(name);
  if (spec == nullptr) return {};
  if (const Parsed<> done = spec->set(options, value); !done)
    return input_error("--" + name + ": " + done.error().text);
  return {};
}

// By https://no-color.org, and not where a terminal cannot do it.
bool wants_colour() {
  const char* off = getenv("NO_COLOR");   // NOLINT(concurrency-mt-unsafe): before any thread begins
  const char* terminal = getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  return isatty(STDOUT_FILENO) != 0 && (off == nullptr || *off == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

Parsed<scan::ScanOptions> options_of(const CommandLine& line) {
  scan::ScanOptions options;
  options.targets = line.positionals;
  options.probe = {"tls"};
  options.all = true;
  options.workers = 1;
  options.concurrency = 1;
  options.progress = scan::ProgressStyle::kNone;
  options.format = scan::Format::kNdjson;
  for (const auto& [name, value] : kDefaults)
    if (const Parsed<> done = set(options, std::string(name), std::string(value)); !done)
      return std::unexpected(done.error());
  for (const Given& given : line.options) {
    if (given.name == "format") continue;  // ours, not the scan's
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

int run_tls(std::span<const std::string> arguments) {
  std::vector<Token> tokens = {{.name = "format"}};
  for (const OptionSpec* spec : specs())
    tokens.push_back(
        {.name = spec->name, .letter = spec->letter, .takes_value = spec->kind != OptionSpec::Kind::kFlag});
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(help());
  if (line->positionals.size() != 1)
    return complain(line->positionals.empty() ? "tls: name a HOST, such as host.example or 192.0.2.1:8443"
                                              : "tls: one HOST at a time; `sonde scan --probe tls` takes many");
  const Parsed<bool> json = wants_json(*line);
  if (!json) return complain(json.error().text);
  const Parsed<scan::ScanOptions> options = options_of(*line);
  if (!options) return complain(options.error().text);
  const Parsed<TlsAsked> asked = tls_asked(*options);
  if (!asked) return complain(asked.error().text);

  bool completed = false;
  const PageStyle style{.colour = wants_colour(), .now_s = os::unix_now() / kSecond, .asked = *asked};
  const int code = scan::run(*options, [&](std::unique_ptr<results::Encoder> chosen) {
    return std::make_unique<OneRecord>(*json ? std::move(chosen) : nullptr, style, completed);
  });
  return code == scan::kExitDone && !completed ? 1 : code;
}

}  // namespace sonde::cli
