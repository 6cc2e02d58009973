// The http prober's section of a module, with the client's part that Prometheus' programs share: credentials, proxies.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/nearest.h"
#include "config/go_values.h"
#include "config/hidden_yaml.h"
#include "config/module_yaml.h"
#include "targets/input_text.h"
#include "wire/url.h"

namespace sonde::config {
namespace {

using targets::quoted;

// Of blackbox_exporter after 0.23, without a place here.
constexpr auto kLaterKeys = std::to_array<std::string_view>(
    {"fail_if_body_json_matches_cel", "fail_if_body_json_not_matches_cel", "enable_http3", "http_headers",
     "username_file", "username_ref", "password_ref", "credentials_ref", "client_secret_ref", "grant_type"});

std::string later_key(std::string_view key) {
  return std::ranges::find(kLaterKeys, key) == kLaterKeys.end() ? std::string()
                                                                : ": of a later blackbox_exporter, not known here";
}

// A token (RFC 9110, 5.6.2): names of methods and headers.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// A header that could not be sent is an error where it stands.
bool check_header(const Entry& entry) {
  if (is_token(entry.key)) return true;
  entry.value.findings->add(entry.line, entry.value.path, quoted(entry.key) + " is not the name of a header");
  return false;
}

bool take_header_text(const Value& value, std::string& out) {
  std::string text;
  if (!take(value, text)) return false;
  if (targets::is_binary(text)) {
    value.doubt("a header's text has no line ends or other control characters in it");
    return false;
  }
  out = std::move(text);
  return true;
}

std::string_view trimmed(std::string_view text) { return targets::trimmed(text); }

// The share that an Accept-Encoding header gives to one of its items: "gzip;q=0.5"; what is not a number is 0.
struct Accepted {
  std::string_view coding;
  double quality = 1;
};
Accepted parse_accepted(std::string_view item) {
  const std::size_t semicolon = item.rfind(';');
  if (semicolon == std::string_view::npos) return {.coding = trimmed(item)};
  std::string_view quality = trimmed(item.substr(semicolon + 1));
  if (quality.starts_with("q=")) quality.remove_prefix(2);
  return {.coding = trimmed(item.substr(0, semicolon)),
          .quality = std::round(parse_go_float(quality).value_or(0) * 1000) / 1000};
}

// Whether the header asks for `compression`: the most preferred item that names it, or '*', does not refuse it.
bool asks_for(std::string_view accept_encoding, std::string_view compression) {
  if (compression.empty() || accept_encoding.empty()) return true;
  double quality = 0;
  for (std::size_t begin = 0; begin <= accept_encoding.size();) {
    const std::size_t end = std::min(accept_encoding.find(',', begin), accept_encoding.size());
    const Accepted item = parse_accepted(accept_encoding.substr(begin, end - begin));
    if (item.coding == compression || item.coding == "*") quality = std::max(quality, item.quality);
    begin = end + 1;
  }
  return quality > 0;
}

void read_headers(Section& section, probes::HttpCheck& out) {
  const Value* map = section.find("headers");
  if (map == nullptr) return;
  for (const Entry& entry : entries_of(*map)) {
    std::string text;
    if (!check_header(entry)) continue;
    if (!entry.value.node->is_null() && !take_header_text(entry.value, text)) continue;
    if (lower(entry.key) == "accept-encoding" && !asks_for(text, out.compression))
      entry.value.fail(fmt::format("{} does not ask for what compression says, {}", quoted(text), out.compression));
    out.headers.emplace_back(entry.key, std::move(text));
  }
}

void read_header_matches(Section& section, std::string_view key, std::vector<probes::HeaderMatch>& out) {
  const Value* list = section.find(key);
  if (list == nullptr) return;
  for (const Value& item : items_of(*list)) {
    Section match(item);
    probes::HeaderMatch& header = out.emplace_back();
    match.read("header", header.header);
    read_pattern(match, "regexp", header.regexp);
    match.read("allow_missing", header.allow_missing);
    if (!item.node->is_map()) continue;
    if (header.header.empty()) match.fail("header", "needs the name of a header, such as Content-Type");
    // One that does not compile has been told.
    if (match.find("regexp") == nullptr || (header.regexp != nullptr && header.regexp->pattern().empty()))
      match.fail("regexp", "needs a regexp that the header is to match");
    match.finish();
  }
}

Parsed<std::string> parse_http_url(std::string_view text) {
  if (const auto url = wire::parse_url(text); !url)
    return input_error(fmt::format("{} is not a URL: {}", quoted(without_password(text)), url.error().text));
  return std::string(text);
}

Parsed<std::string> parse_proxy(std::string_view text) {
  if (text.empty()) return std::string();
  std::string_view rest = text;
  const auto scheme = rest.substr(0, rest.find("://"));
  if (scheme == "socks5") rest.remove_prefix(std::string_view("socks5").size());
  const std::string as_http = scheme == "socks5" ? "http" + std::string(rest) : std::string(text);
  const bool has_blank = std::ranges::any_of(text, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  if (const auto url = wire::parse_url(as_http); !url || has_blank)
    return input_error(
        fmt::format("{} is not the URL of a proxy, such as http://proxy:3128", quoted(without_password(text))));
  return std::string(text);
}

void read_proxy(Section& section, probes::HttpCheck& out) {
  section.read_text("proxy_url", out.proxy_url, parse_proxy);
  section.read("no_proxy", out.no_proxy);
  section.read("proxy_from_environment", out.proxy_from_environment);
  if (out.proxy_from_environment && section.has("proxy_url") && !out.proxy_url.empty())
    section.fail("proxy_from_environment", "does not go with proxy_url: give one of them");
  if (out.proxy_from_environment && !out.no_proxy.empty())
    section.fail("no_proxy", "does not go with proxy_from_environment, which has its own");
  const bool has_proxy = section.has("proxy_url") || out.proxy_from_environment;
  if (!out.no_proxy.empty() && !has_proxy) section.fail("no_proxy", "needs proxy_url");
  if (const Value* map = section.find("proxy_connect_header")) {
    for (const Entry& entry : entries_of(*map)) {
      if (!check_header(entry) || entry.value.node->is_null()) continue;
      auto& texts = out.proxy_connect_headers.emplace_back(entry.key, std::vector<std::string>()).second;
      for (const Value& item : items_of(entry.value))
        if (std::string text; take_header_text(item, text)) texts.push_back(std::move(text));
    }
    if (!out.proxy_connect_headers.empty() && !has_proxy) section.fail("proxy_connect_header", "needs proxy_url");
  }
}

void read_basic_auth(const Value& value, const std::string& directory, probes::BasicAuth& out) {
  Section section(value);
  section.read("username", out.username);
  section.read("password", out.password);
  read_path(section, "password_file", directory, out.password_file);
  if (!out.password.empty() && !out.password_file.empty())
    section.fail("password_file", "does not go with password: give one of them");
  section.finish(later_key);
}

void read_authorization(const Value& value, const std::string& directory, probes::Authorization& out) {
  Section section(value);
  section.read("type", out.type);
  out.type = std::string(trimmed(out.type));
  if (out.type.empty()) out.type = "Bearer";
  if (lower(out.type) == "basic") section.fail("type", "basic credentials are given as basic_auth");
  section.read("credentials", out.credentials);
  read_path(section, "credentials_file", directory, out.credentials_file);
  if (!out.credentials.empty() && !out.credentials_file.empty())
    section.fail("credentials_file", "does not go with credentials: give one of them");
  section.finish(later_key);
}

void read_oauth2(const Value& value, const std::string& directory, probes::Oauth2& out) {
  Section section(value);
  section.read("client_id", out.client_id);
  section.read("client_secret", out.client_secret);
  read_path(section, "client_secret_file", directory, out.client_secret_file);
  section.read_text("token_url", out.token_url, parse_http_url);
  section.read_text("proxy_url", out.proxy_url, parse_proxy);
  section.read("scopes", out.scopes);
  if (const Value* map = section.find("endpoint_params"))
    for (const Entry& entry : entries_of(*map))
      if (std::string text; entry.value.node->is_null() || take(entry.value, text))
        out.endpoint_params.emplace_back(entry.key, std::move(text));
  read_tls(section, "tls_config", directory, out.tls);
  if (out.client_id.empty()) section.fail("client_id", "oauth2 needs a client_id");
  if (!section.has("token_url")) section.fail("token_url", "oauth2 needs a token_url");
  if (out.client_secret.empty() && out.client_secret_file.empty())
    section.fail("oauth2 needs a client_secret or a client_secret_file");
  if (!out.client_secret.empty() && !out.client_secret_file.empty())
    section.fail("client_secret_file", "does not go with client_secret: give one of them");
  section.finish(later_key);
}

// At most one way to show who asks.
void read_credentials(Section& section, const std::string& directory, probes::HttpCheck& out) {
  std::string token, token_file;
  section.read("bearer_token", token);
  read_path(section, "bearer_token_file", directory, token_file);
  if (const Value* basic = section.find("basic_auth")) read_basic_auth(*basic, directory, out.basic_auth.emplace());
  if (const Value* authorization = section.find("authorization"))
    read_authorization(*authorization, directory, out.authorization.emplace());
  if (const Value* oauth2 = section.find("oauth2")) read_oauth2(*oauth2, directory, out.oauth2.emplace());
  std::vector<std::string_view> ways;
  if (out.basic_auth) ways.emplace_back("basic_auth");
  if (out.authorization) ways.emplace_back("authorization");
  if (out.oauth2) ways.emplace_back("oauth2");
  if (!token.empty()) ways.emplace_back("bearer_token");
  if (!token_file.empty()) ways.emplace_back("bearer_token_file");
  for (std::size_t i = 1; i < ways.size(); ++i)
    section.fail(ways[i], fmt::format("does not go with {}: give one way to authenticate", ways[0]));
  if (!out.authorization && (!token.empty() || !token_file.empty()))
    out.authorization = probes::Authorization{
        .type = "Bearer", .credentials = std::move(token), .credentials_file = std::move(token_file)};
}

}  // namespace

void read_http(const Value& value, const std::string& directory, probes::HttpCheck& out) {
  Section section(value);
  read_ip(section, out.ip);
  if (const Value* list = section.find("valid_status_codes"))
    for (const Value& item : items_of(*list))
      if (std::int64_t code = 0; take(item, code)) {
        if (code < 100 || code > 999)
          item.fail(fmt::format("{} is no status: they are 100 to 999", code));
        else
          out.valid_status_codes.push_back(static_cast<int>(code));
      }
  section.read("valid_http_versions", out.valid_http_versions);
  section.read_text(
      "method", out.method,
      [](std::string_view text) -> Parsed<std::string> {
        if (text.empty()) return std::string("GET");
        if (!is_token(text)) return input_error(quoted(text) + " is not a method, such as GET or POST");
        return std::string(text);
      },
      true);
  section.read_text(
      "compression", out.compression,
      [](std::string_view text) -> Parsed<std::string> {
        static constexpr auto kCodings = std::to_array<std::string_view>({"gzip", "br", "deflate", "identity"});
        std::string coding = lower(text);
        if (!text.empty() && std::ranges::find(kCodings, coding) == kCodings.end())
          return input_error(fmt::format("{} is not one of {}", quoted(text), fmt::join(kCodings, ", ")));
        return coding;
      },
      true);
  read_headers(section, out);  // behind compression, which it is held against
  section.read("body", out.body);
  read_path(section, "body_file", directory, out.body_file);
  if (!out.body.empty() && !out.body_file.empty()) section.fail("body_file", "does not go with body: give one of them");
  section.read_text("body_size_limit", out.body_size_limit, parse_go_size);
  section.read("follow_redirects", out.follow_redirects);
  if (section.has("no_follow_redirects")) {  // its old name, which wins
    bool stays = !out.follow_redirects;
    section.read("no_follow_redirects", stays);
    out.follow_redirects = !stays;
  }
  section.read("fail_if_ssl", out.fail_if_ssl);
  section.read("fail_if_not_ssl", out.fail_if_not_ssl);
  read_patterns(section, "fail_if_body_matches_regexp", out.fail_if_body_matches);
  read_patterns(section, "fail_if_body_not_matches_regexp", out.fail_if_body_not_matches);
  read_header_matches(section, "fail_if_header_matches", out.fail_if_header_matches);
  read_header_matches(section, "fail_if_header_not_matches", out.fail_if_header_not_matches);
  section.read("enable_http2", out.enable_http2);
  section.read("skip_resolve_phase_with_proxy", out.skip_resolve_phase_with_proxy);
  read_proxy(section, out);
  read_tls(section, "tls_config", directory, out.tls);
  read_credentials(section, directory, out);
  section.finish(later_key);
}

}  // namespace sonde::config
