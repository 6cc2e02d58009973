#include "config/gateway_yaml.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <filesystem>

#include "base/ip_address.h"
#include "config/check_yaml.h"
#include "config/go_values.h"
#include "config/hidden_yaml.h"
#include "config/limits_yaml.h"
#include "config/module_yaml.h"
#include "config/section.h"
#include "os/error.h"
#include "os/fd.h"
#include "targets/input_text.h"
#include "targets/port_set.h"
#include "targets/target_expression.h"

namespace sonde::config {
namespace {

using gateway::GatewayOptions;
using targets::quoted;

// ADDRESS:PORT, :PORT, [ADDRESS]:PORT; 0 is a port that the kernel chooses.
Parsed<std::string> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const bool is_v6 = host.find(':') != std::string_view::npos;
  if ((port != "0" && targets::parse_port(port) == 0) || is_v6 != brackets || (!host.empty() && !parse_ip(host)))
    return input_error(quoted(text) + " is not an address to listen at, such as 127.0.0.1:9115, :9115 or [::1]:9115");
  return std::string(text);
}

Parsed<> check_prefix(std::string_view text) {
  const auto target = targets::parse_target(text);
  if (!target || target->is_name() || target->port != 0 || target->scheme != targets::Scheme::kNone ||
      text.find('-') != std::string_view::npos)
    return input_error(quoted(text) + " is not a prefix, such as 10.0.0.0/8, 192.0.2.1 or fd00::/8");
  return {};
}

void read_prefixes(Section& section, std::string_view key, std::vector<std::string>& out) {
  const Value* list = section.find(key);
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    std::string text;
    if (!take(item, text)) continue;
    if (const Parsed<> good = check_prefix(text); !good) {
      item.fail(good.error().text);
    } else {
      out.push_back(std::move(text));
    }
  }
}

// crypt(5): $2b$COST$, 22 characters of salt and 31 of hash.
bool is_bcrypt(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == 60 && text.starts_with("$2") &&
         std::string_view("aby").find(text[2]) != std::string_view::npos && text[3] == '$' && digit(text[4]) &&
         digit(text[5]) && text[6] == '$' && std::ranges::all_of(text.substr(7), [&](char c) {
           return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
         });
}

void read_auth(const Value& value, const std::string& directory, gateway::AuthOptions& out) {
  Section section(value);
  if (const Value* users = section.find("basic")) {
    for (const Entry& entry : entries_of(*users)) {
      std::string hash;
      if (entry.value.node->is_scalar()) take(entry.value, hash);
      // The text is a secret, even where it is no hash: it may be the password itself.
      if (!is_bcrypt(hash)) {
        entry.value.findings->add(entry.line, entry.value.path,
                                  "must be the bcrypt hash of a password ($2y$10$…), as htpasswd -nB prints");
      } else if (entry.key.empty() || entry.key.find(':') != std::string_view::npos) {
        entry.value.findings->add(entry.line, entry.value.path,
                                  quoted(entry.key) + " is not a user's name: it is not empty and has no ':'");
      } else {
        out.basic.emplace_back(entry.key, std::move(hash));
      }
    }
  }
  read_path(section, "bearer_file", directory, out.bearer_file);
  if (value.node->is_map() && !section.has("basic") && !section.has("bearer_file"))
    section.fail("needs basic or bearer_file");
  section.finish();
}

void read_server_tls(const Value& value, const std::string& directory, std::optional<gateway::ServerTls>& out) {
  Section section(value);
  gateway::ServerTls& tls = out.emplace();
  read_path(section, "cert", directory, tls.cert);
  read_path(section, "key", directory, tls.key);
  if (value.node->is_map() && (tls.cert.empty() || tls.key.empty())) section.fail("needs cert and key, two PEM files");
  section.finish();
}

void read_storage(const Value& value, const std::string& directory, gateway::StorageOptions& out) {
  Section section(value);
  read_path(section, "path", directory, out.path);
  section.read_text("retention", out.retention, [](std::string_view text) -> Parsed<Nanos> {
    const Parsed<Nanos> retention = parse_span(text);
    if (retention && *retention < 60 * kSecond) return input_error(quoted(text) + " is too short: at least 1m");
    return retention;
  });
  section.finish();
}

void read_alerts(const Value& value, const std::string& directory, gateway::AlertOptions& out) {
  Section section(value);
  read_urls(section, "webhooks", out.webhooks);
  read_urls(section, "alertmanagers", out.alertmanagers);
  read_path(section, "events", directory, out.events);
  section.finish();
}

void read_root(const Value& root, const std::string& directory, GatewayOptions& out) {
  Section section(root);
  section.read_text("listen", out.listen, parse_listen);
  if (const Value* modules = section.find("modules")) out.modules = read_modules(*modules, directory);
  std::vector<std::string_view> names;
  names.reserve(out.modules.size());
  for (const probes::ModuleOptions& module : out.modules) names.push_back(module.name);
  if (const Value* checks = section.find("checks")) out.checks = read_checks(*checks, names, directory);
  if (const Value* limits = section.find("limits")) out.limits = read_limits(*limits);
  if (const Value* storage = section.find("storage")) read_storage(*storage, directory, out.storage);
  if (const Value* tls = section.find("tls")) read_server_tls(*tls, directory, out.tls);
  if (const Value* auth = section.find("auth")) read_auth(*auth, directory, out.auth);
  read_prefixes(section, "allow_targets", out.allow_targets);
  read_prefixes(section, "deny_targets", out.deny_targets);
  if (const Value* self = section.find("self")) out.self = read_self(*self, names);
  if (const Value* alerts = section.find("alerts")) read_alerts(*alerts, directory, out.alerts);
  section.finish();
  // A plain blackbox.yml says nothing of a gateway.
  out.keeps_history = section.has("checks") || section.has("storage");
}

std::string short_hash(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

}  // namespace

ReadGateway read_gateway_text(std::string_view text, const std::string& name) {
  ReadGateway out;
  std::error_code failed;
  std::filesystem::path path = std::filesystem::absolute(name, failed);
  if (failed) path = name;
  const std::string directory = path.parent_path().lexically_normal().string();
  const Parsed<gateway::YamlPtr> root = gateway::parse_yaml(text, name);
  if (!root) {
    out.errors.push_back(root.error());
    return out;
  }
  Findings findings(name);
  if (!(*root)->is_null()) read_root({.node = root->get(), .path = {}, .findings = &findings}, directory, out.options);
  out.errors = findings.errors();
  out.warnings = findings.doubts();
  out.options.files = {path.lexically_normal().string()};
  out.options.hash = short_hash(text);
  out.options.shown = hidden_yaml(**root);
  return out;
}

ReadGateway read_gateway(const std::string& path) {
  const Result<std::string> text = os::read_file(path, kGatewayFileBytes);
  if (text) return read_gateway_text(*text, path);
  ReadGateway out;
  if (text.error().kind == ErrorKind::kNoSpace) {
    out.errors.push_back(
        {fmt::format("{}: is larger than {} MiB; long lists of targets belong into files of their own, "
                     "file_sd: [FILE]",
                     path, kGatewayFileBytes >> 20)});
  } else {
    out.errors.push_back({path + ": " + os::describe(text.error())});
  }
  return out;
}

}  // namespace sonde::config
