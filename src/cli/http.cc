#include "cli/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/ip_address.h"
#include "cli/http_page.h"
#include "cli/one_target.h"
#include "engine/resolver.h"
#include "os/machine.h"
#include "probes/http/http_options.h"
#include "targets/input_text.h"
#include "targets/target_expression.h"
#include "wire/url.h"

namespace sonde::cli {
namespace {

// What a person wants to see of one site.
constexpr auto kDefaults = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"follow", "10"}, {"insecure", "false"}, {"verify", "true"}, {"max-body", "1M"}});

bool is_given(const scan::ScanOptions& options, std::string_view name) {
  return std::ranges::any_of(options.module_options, [&](const auto& option) { return option.first == name; });
}

void set(scan::ScanOptions& options, std::string_view name, std::string_view value) {
  std::erase_if(options.module_options, [&](const auto& option) { return option.first == name; });
  options.module_options.emplace_back(name, value);
}

// The address that is meant: as it is, or a host, whose scheme follows from its port as in scans.
Parsed<wire::Url> asked_url(scan::ScanOptions& options) {
  const std::string text = options.targets.front();
  const auto wrong = [&](const std::string& why) {
    return input_error(fmt::format("{}: {}", targets::quoted(text), why));
  };
  if (text.find("://") != std::string::npos) {
    Parsed<wire::Url> url = wire::parse_url(text);
    if (!url) return wrong(url.error().text);
    return url;
  }
  constexpr const char* kMany = "is many addresses: one URL at a time; `sonde scan --probe http` takes many";
  const Parsed<targets::TargetExpression> whole = targets::parse_target(text);
  if (whole && !whole->is_name() && whole->range.first != whole->range.last) return wrong(kMany);
  // host:8080/path is a URL that lacks its scheme.
  const std::size_t slash = text.find('/');
  const Parsed<targets::TargetExpression> target = targets::parse_target(text.substr(0, slash));
  if (!target) return std::unexpected(target.error());
  if (!target->is_name() && target->range.first != target->range.last) return wrong(kMany);
  std::string scheme = target->port == 443 || target->port == 8443 ? "https" : "http";
  for (const auto& [name, value] : options.module_options)
    if (name == "scheme" && (value == "http" || value == "https")) scheme = value;
  const std::string host = target->is_name() ? target->host : to_string(target->range.first);
  const bool bracketed = !target->is_name() && !target->range.first.is_v4();
  const std::string port = target->port != 0 ? fmt::format(":{}", target->port) : "";
  Parsed<wire::Url> url =
      wire::parse_url(fmt::format("{}://{}{}{}{}{}", scheme, bracketed ? "[" : "", host, bracketed ? "]" : "", port,
                                  slash == std::string::npos ? "/" : text.substr(slash)));
  if (!url) return wrong(url.error().text);
  return url;
}

Parsed<Telling> prepare(const CommandLine& line, scan::ScanOptions& options) {
  if (!options.ports.empty())
    return input_error("--ports: a URL names its port itself, as in https://host.example:8443/");
  const Parsed<wire::Url> url = asked_url(options);
  if (!url) return std::unexpected(url.error());
  const bool named_scheme = options.targets.front().find("://") != std::string::npos;
  const bool literal = parse_ip(url->host).has_value();
  const bool v6 = literal && url->host.find(':') != std::string::npos;
  options.happy_eyeballs = true;
  options.concurrency = engine::kMostAddresses;  // that one name's may be tried beside each other
  options.targets = {fmt::format("{}{}{}:{}", v6 ? "[" : "", url->host, v6 ? "]" : "", url->port)};
  if (named_scheme || !is_given(options, "scheme")) set(options, "scheme", url->scheme);
  if (!is_given(options, "path")) set(options, "path", url->path);
  const bool dialogue = line.has("verbose");
  if (dialogue) set(options, "dialogue", "true");
  // With several paths nothing is followed.
  const auto paths = std::ranges::count_if(options.module_options, [](const auto& o) { return o.first == "path"; });
  if (!line.has("follow") && (paths > 1 || is_given(options, "repeat"))) set(options, "follow", "0");

  HttpPageStyle style{.colour = wants_colour(),
                      .dialogue = dialogue,
                      .now_s = os::unix_now() / kSecond,
                      .url = wire::to_string(*url),
                      .asked = {.target = options.targets.front(), .name = url->host, .port = url->port}};
  for (const auto& [name, value] : options.module_options) {
    if (name == "sni" && value != "none") style.asked.name = value;
    if (name == "ca") style.asked.own_roots = true;
  }
  return Telling{.page = [style](const results::Record& record) { return http_page(record, style); },
                 .is_good = is_as_expected};
}

}  // namespace

int run_http(std::span<const std::string> arguments) {
  static const OneTarget kCommand{
      .name = "http",
      .probe = "http",
      .wanted = "http: name a URL, such as https://host.example/ or 192.0.2.1:8080",
      .many = "http: one URL at a time; `sonde scan --probe http` takes many",
      .ports = "the URL's",
      .options = probes::http_option_defs(),
      .defaults = kDefaults,
      .own = {{{.name = "verbose", .letter = 'v', .takes_value = false}, "show what was said, line by line"}},
      .intro =
          "Usage: sonde http [OPTION …] URL\n\n"
          "One request, for a person to read: what came of it, where it was redirected, the certificate, the\n"
          "headers that matter, and where the time went.\n\n"
          "URL: https://host.example/a?b · host.example · 192.0.2.1:8080/health · http://[2001:db8::1]/\n",
      .outro =
          "\nExit codes: 0 an answer came, and it was as expected · 1 not · 2 bad usage or input\n"
          "\nExamples:\n"
          "  sonde http https://host.example/\n"
          "  sonde http host.example -v --follow 0\n"
          "  sonde http https://192.0.2.1:8443/health --insecure --expect-status 200 --expect-body '^ok'\n"
          "  sonde http https://host.example/ --format json | jq .http.headers\n",
      .prepare = prepare};
  return run_one_target(kCommand, arguments);
}

}  // namespace sonde::cli
