#include "probes/check/http_settings.h"

#include <cstring>
#include <utility>

#include "os/fd.h"
#include "probes/check/http_target.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kMostSecretBytes = 1 << 20;
constexpr std::size_t kMostBodyBytes = HttpOptions::kMostBody;

std::string_view trimmed_lines(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Parsed<std::string> read(std::string_view key, const std::string& file, std::size_t limit) {
  Result<std::string> text = os::read_file(file, limit);
  if (text) return std::move(*text);
  const std::string reason = text.error().sys == 0 ? "it is too long" : std::strerror(text.error().sys);
  return input_error(std::string(key) + ": cannot read '" + file + "': " + reason);
}

// The value, or what the file has, without blanks around it.
Parsed<std::string> secret(std::string_view key, const std::string& value, const std::string& file) {
  if (file.empty()) return std::string(trimmed_lines(value));
  const Parsed<std::string> text = read(key, file, kMostSecretBytes);
  if (!text) return text;
  return std::string(trimmed_lines(*text));
}

Parsed<std::string> authorization_of(const HttpCheck& check) {
  if (check.basic_auth) {
    const BasicAuth& auth = *check.basic_auth;
    const Parsed<std::string> password = secret("password_file", auth.password, auth.password_file);
    if (!password) return password;
    return basic_credentials(auth.username, *password);
  }
  if (check.authorization) {
    const Authorization& auth = *check.authorization;
    const Parsed<std::string> credentials = secret("credentials_file", auth.credentials, auth.credentials_file);
    if (!credentials || credentials->empty()) return credentials;
    return auth.type + " " + *credentials;
  }
  return std::string();
}

Parsed<std::unique_ptr<HttpSettings::Oauth>> oauth_of(const Oauth2& options) {
  auto oauth = std::make_unique<HttpSettings::Oauth>();
  Parsed<HttpTarget> target = read_http_target(options.token_url);
  if (!target) return input_error("token_url: " + target.error().text);
  if (target->no_port) return input_error("token_url: a port is a number from 1 to 65535");
  oauth->url = std::move(target->url);
  oauth->host = std::move(target->host);
  Parsed<std::string> text = secret("client_secret_file", options.client_secret, options.client_secret_file);
  if (!text) return std::unexpected(text.error());
  oauth->secret = std::move(*text);
  auto context = make_tls_context(options.tls);
  if (!context) return input_error("oauth2: tls_config: " + context.error().text);
  oauth->context = std::move(*context);
  Parsed<ProxyChoice> proxies = ProxyChoice::of_url(options.proxy_url);
  if (!proxies) return input_error("oauth2: " + proxies.error().text);
  oauth->proxies = std::move(*proxies);
  return oauth;
}

}  // namespace

Parsed<std::unique_ptr<const HttpSettings>> make_http_settings(const HttpCheck& check) {
  auto settings = std::make_unique<HttpSettings>();
  settings->check = check;
  if (settings->check.method.empty()) settings->check.method = "GET";
  settings->body = check.body;
  if (!check.body_file.empty()) {
    Parsed<std::string> text = read("body_file", check.body_file, kMostBodyBytes);
    if (!text) return std::unexpected(text.error());
    settings->body = std::move(*text);
  }
  // Go sends neither of its own.
  settings->headers = {{"Accept", ""}, {"Accept-Encoding", ""}};
  for (const auto& [name, value] : check.headers) {
    if (wire::equal_fold(name, "Host")) {
      settings->host_header = value;
      continue;
    }
    std::erase_if(settings->headers,
                  [&](const wire::HttpHeader& header) { return wire::equal_fold(header.name, name); });
    settings->headers.push_back({name, value});
  }
  const Parsed<> writable = wire::check_request({.method = settings->check.method,
                                                 .host = settings->host_header,
                                                 .user_agent = {},
                                                 .headers = settings->headers,
                                                 .body = {}});
  if (!writable) return std::unexpected(writable.error());
  Parsed<std::string> authorization = authorization_of(check);
  if (!authorization) return std::unexpected(authorization.error());
  settings->authorization = std::move(*authorization);
  using Names = std::vector<std::string>;
  auto context = make_tls_context(check.tls, check.enable_http2 ? Names{"h2", "http/1.1"} : Names{});
  if (!context) return input_error("tls_config: " + context.error().text);
  settings->run.context = std::move(*context);
  Parsed<ProxyChoice> proxies = ProxyChoice::create(check);
  if (!proxies) return std::unexpected(proxies.error());
  settings->proxies = std::move(*proxies);
  if (check.oauth2) {
    auto oauth = oauth_of(*check.oauth2);
    if (!oauth) return std::unexpected(oauth.error());
    settings->oauth = std::move(*oauth);
  }
  return std::unique_ptr<const HttpSettings>(std::move(settings));
}

}  // namespace sonde::probes
