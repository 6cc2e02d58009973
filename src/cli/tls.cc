#include "cli/tls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cli/command.h"
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

std::string help() {
  std::string out =
      "Usage: sonde tls [OPTION …] HOST[:PORT]\n\n"
      "One target, everything about its TLS: whether a browser would accept it and until when, the chain, what the\n"
      "server supports, how long each phase took, and what is wrong with it.\n\n"
      "HOST: host.example · 192.0.2.1 · [2001:db8::1]:8443 · https://host.example/\n\n"
      "      --format page|json          a page to read, or the record [page]\n";
  for (const OptionSpec* spec : specs()) {
    const std::string head = fmt::format("      --{}{}{}", spec->name, spec->metavar.empty() ? "" : " ", spec->metavar);
    std::string text = spec->help.starts_with("tls: ") ? spec->help.substr(5) : spec->help;
    std::string value = spec->unset;
    const std::vector<std::string> shown = spec->get(scan::ScanOptions());
    if (!shown.empty() && spec->kind != OptionSpec::Kind::kFlag) value = shown.front();
    for (const auto& [name, wanted] : kDefaults)
      if (name == spec->name) value = wanted == "true" ? "on" : wanted;
    if (!value.empty()) text += fmt::format(" [{}]", value);
    out += head.size() < 34 ? fmt::format("{:<34}{}\n", head, text) : fmt::format("{}\n{:34}{}\n", head, "", text);
  }
  return out +
         "  -h, --help                      print this\n"
         "\nExit codes: 0 the handshake was completed · 1 it was not · 2 bad usage or input\n"
         "\nExamples:\n"
         "  sonde tls host.example\n"
         "  sonde tls mail.example --starttls smtp\n"
         "  sonde tls 192.0.2.1:8443 --sni host.example --ca roots.pem --resumption\n";
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
  const std::string* format = line->find("format");
  const bool json = format != nullptr && (*format == "json" || *format == "ndjson");
  if (format != nullptr && !json && *format != "page")
    return complain(fmt::format("--format: {} is not one of page, json", targets::quoted(*format)));

  scan::ScanOptions options;
  options.targets = line->positionals;
  options.probe = {"tls"};
  options.all = true;
  options.workers = 1;
  options.concurrency = 1;
  options.progress = scan::ProgressStyle::kNone;
  options.format = scan::Format::kNdjson;
  for (const auto& [name, value] : kDefaults)
    if (const Parsed<> done = set(options, std::string(name), std::string(value)); !done)
      return complain(done.error().text);
  for (const Given& given : line->options) {
    if (given.name == "format") continue;  // this command's own, although a scan has one of that name
    if (const Parsed<> done = set(options, given.name, given.value); !done) return complain(done.error().text);
  }

  bool completed = false;
  const PageStyle style{.colour = isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == nullptr,  // NOLINT
                        .now_s = os::unix_now() / kSecond,
                        .target = options.targets.front()};
  const int code = scan::run(options, [&](std::unique_ptr<results::Encoder> chosen) {
    return std::make_unique<OneRecord>(json ? std::move(chosen) : nullptr, style, completed);
  });
  return code == scan::kExitDone && !completed ? 1 : code;
}

}  // namespace sonde::cli
