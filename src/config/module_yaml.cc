#include "config/module_yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "base/ip_address.h"
#include "base/nearest.h"
#include "config/go_values.h"
#include "config/hidden_yaml.h"
#include "targets/input_text.h"

namespace sonde::config {
namespace {

using probes::Pattern;
using probes::ProberKind;
using targets::quoted;

constexpr auto kProbers = std::to_array<std::string_view>({"http", "tcp", "dns", "icmp", "grpc"});

// Keys of blackbox_exporter after 0.23 that there is nothing for here: said, so that nobody looks for a typing error.
constexpr auto kLaterKeys =
    std::to_array<std::string_view>({"unix", "websocket", "expect_bytes", "labels", "metadata"});

std::string later_key(std::string_view key) {
  return std::ranges::find(kLaterKeys, key) == kLaterKeys.end() ? std::string()
                                                                : ": of a later blackbox_exporter, not known here";
}

Parsed<Pattern> parse_pattern(std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  auto pattern = std::make_shared<const RE2>(text, options);
  // RE2 takes \C, which Go's does not.
  bool has_any_byte = false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\\') has_any_byte = has_any_byte || text[++i] == 'C';
  if (has_any_byte) return input_error(quoted(text) + " is not a regular expression: no \\C is known");
  if (!pattern->ok())
    return input_error(
        fmt::format("{} is not a regular expression: {}", quoted(text), targets::quoted(pattern->error())));
  return pattern;
}

Parsed<std::uint16_t> parse_tls_version(std::string_view text) {
  constexpr auto kNames = std::to_array<std::string_view>({"TLS10", "TLS11", "TLS12", "TLS13"});
  const auto found = std::ranges::find(kNames, text);
  if (found == kNames.end())
    return input_error(fmt::format("{} is not one of {}", quoted(text), fmt::join(kNames, ", ")));
  return static_cast<std::uint16_t>(0x0301 + (found - kNames.begin()));
}

void read_tcp(const Value& value, const std::string& directory, probes::TcpCheck& out) {
  Section section(value);
  read_ip(section, out.ip);
  read_source_address(section, out.source_ip_address);
  if (const Value* list = section.find("query_response")) {
    for (const Value& item : items_of(*list)) {
      Section step(item);
      probes::QueryResponse& response = out.query_response.emplace_back();
      read_pattern(step, "expect", response.expect);
      step.read("send", response.send);
      step.read("starttls", response.starttls);
      step.finish(later_key);
    }
  }
  section.read("tls", out.tls);
  read_tls(section, "tls_config", directory, out.tls_config);
  section.finish();
}

void read_icmp(const Value& value, probes::IcmpCheck& out) {
  Section section(value);
  read_ip(section, out.ip);
  read_source_address(section, out.source_ip_address);
  section.read("dont_fragment", out.dont_fragment);
  // The most that an IPv4 packet carries behind its header and that of ICMP.
  constexpr std::uint32_t kMostPayload = 65535 - 20 - 8;
  section.read_integer("payload_size", 0, INT32_MAX, out.payload_size);
  if (out.payload_size > kMostPayload)
    section.doubt("payload_size", fmt::format("{} is out of range: it is 0 to {}", out.payload_size, kMostPayload));
  section.read_integer("ttl", 0, 255, out.ttl);
  section.finish();
}

void read_grpc(const Value& value, const std::string& directory, probes::GrpcCheck& out) {
  Section section(value);
  read_ip(section, out.ip);
  section.read("service", out.service);
  section.read("tls", out.tls);
  read_tls(section, "tls_config", directory, out.tls_config);
  section.finish(later_key);
}

Parsed<ProberKind> parse_prober(std::string_view text) {
  const auto found = std::ranges::find(kProbers, text);
  if (found == kProbers.end())
    return input_error(
        fmt::format("{} is not one of {}{}", quoted(text), fmt::join(kProbers, ", "), did_you_mean(text, kProbers)));
  return static_cast<ProberKind>(found - kProbers.begin());
}

probes::ModuleOptions read_module(const Entry& entry, const std::string& directory) {
  probes::ModuleOptions out;
  out.name = entry.key;
  out.icmp.ttl = 64;
  if (entry.value.node->is_null()) {
    entry.value.findings->add(entry.line, entry.value.path,
                              fmt::format("has nothing in it: give a prober, one of {}", fmt::join(kProbers, ", ")));
    return out;
  }
  Section section(entry.value);
  if (!section.has("prober") && entry.value.node->is_map()) {
    section.doubt(fmt::format("needs a prober, one of {}", fmt::join(kProbers, ", ")));
    out.unknown_prober.emplace();
  }
  section.read_text(
      "prober", out.kind,
      [&out](std::string_view text) {
        const Parsed<ProberKind> kind = parse_prober(text);
        if (!kind) out.unknown_prober = text;
        return kind;
      },
      true);
  // Without quotes 0 is a number as any other, and numbers have no unit.
  if (const Value* timeout = section.find("timeout"); timeout && timeout->node->plain && timeout->node->text == "0")
    timeout->fail("'0' has no unit: give 0s, or leave the timeout out");
  section.read_text("timeout", out.timeout, parse_go_duration);
  out.timeout = std::max<Nanos>(out.timeout, 0);
  // Each is read whatever the prober is: what is wrong in it is wrong.
  if (const Value* http = section.find("http")) read_http(*http, directory, out.http);
  if (const Value* tcp = section.find("tcp")) read_tcp(*tcp, directory, out.tcp);
  if (const Value* dns = section.find("dns")) read_dns(*dns, directory, out.dns);
  if (const Value* icmp = section.find("icmp")) read_icmp(*icmp, out.icmp);
  if (const Value* grpc = section.find("grpc")) read_grpc(*grpc, directory, out.grpc);
  // 0.23 gives grpc its defaults with the section alone: without it the first family is the only one.
  else
    out.grpc.ip.fallback = false;
  section.finish(later_key);
  out.broken = entry.value.findings->take_doubt();
  out.shown = hidden_yaml(*entry.value.node);
  return out;
}

}  // namespace

std::vector<probes::ModuleOptions> read_modules(const Value& modules, const std::string& directory) {
  std::vector<probes::ModuleOptions> out;
  for (const Entry& entry : entries_of(modules)) out.push_back(read_module(entry, directory));
  return out;
}

// Any text but "ip6" is ip4, as in 0.23.
void read_ip(Section& section, probes::IpPreference& out) {
  std::string preferred;
  section.read("preferred_ip_protocol", preferred);
  out.prefers_v6 = preferred.empty() || preferred == "ip6";
  section.read("ip_protocol_fallback", out.fallback);
}

void read_source_address(Section& section, std::string& out) {
  section.read_text(
      "source_ip_address", out,
      [](std::string_view text) -> Parsed<std::string> {
        if (!text.empty() && !parse_ip(text)) return input_error(quoted(text) + " is not an address, such as 10.0.0.1");
        return std::string(text);
      },
      true);
}

void read_tls(Section& section, std::string_view key, const std::string& directory, probes::TlsConfig& out) {
  const Value* value = section.find(key);
  if (value == nullptr) return;
  Section tls(*value);
  read_path(tls, "ca_file", directory, out.ca_file);
  read_path(tls, "cert_file", directory, out.cert_file);
  read_path(tls, "key_file", directory, out.key_file);
  tls.read("server_name", out.server_name);
  tls.read("insecure_skip_verify", out.insecure_skip_verify);
  tls.read_text("min_version", out.min_version, parse_tls_version);
  tls.read_text("max_version", out.max_version, parse_tls_version);
  if (out.cert_file.empty() != out.key_file.empty())
    tls.doubt(out.cert_file.empty() ? "key_file" : "cert_file", "cert_file and key_file go together: give both");
  if (out.max_version != 0 && out.max_version < out.min_version) tls.fail("max_version", "is below min_version");
  tls.finish();
}

void read_path(Section& section, std::string_view key, const std::string& directory, std::string& out) {
  section.read_text(key, out, [&](std::string_view text) -> Parsed<std::string> {
    if (targets::is_binary(text)) return input_error(quoted(text) + " is not the name of a file");
    return absolute(directory, std::string(text));
  });
}

void read_pattern(Section& section, std::string_view key, Pattern& out) { section.read_text(key, out, parse_pattern); }

void read_patterns(Section& section, std::string_view key, std::vector<Pattern>& out, bool only_doubtful) {
  const Value* list = section.find(key);
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    std::string text;
    if (!take(item, text)) continue;
    if (Parsed<Pattern> pattern = parse_pattern(text)) {
      out.push_back(std::move(*pattern));
    } else if (only_doubtful) {
      RE2::Options options;
      options.set_log_errors(false);
      out.push_back(std::make_shared<const RE2>(text, options));
      item.findings->doubt(item.node->line, item.path, pattern.error().text);
      (void)item.findings->take_doubt();  // it matters where there is a record for it
    } else {
      item.fail(pattern.error().text);
    }
  }
}

std::string absolute(const std::string& directory, const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

}  // namespace sonde::config
