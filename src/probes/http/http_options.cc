#include "probes/http/http_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/nearest.h"
#include "base/number_text.h"
#include "os/error.h"
#include "os/fd.h"

namespace sonde::probes {
namespace {

using engine::OptionDef;

constexpr std::size_t kLargestRequestBody = std::size_t{1} << 20;

constexpr auto kOwn = std::to_array<OptionDef>({
    {"method", "NAME", "GET", "of the request"},
    {"path", "PATH", "/, or the URL's",
     "what to ask for; repeats: one request each, over one connection, http.responses tells of all", false, true},
    {"header", "'NAME: VALUE'", "", "another header; 'NAME:' leaves a default one out; repeats", false, true},
    {"body", "TEXT|@FILE", "none", "to send with the request"},
    {"http", "1.1|2|auto", "auto",
     "auto: what the server chooses over TLS, 1.1 in the clear; 2 in the clear is by prior knowledge"},
    {"scheme", "http|https|auto", "https on 443 and 8443, else http",
     "for targets that are no URLs; auto tries the other one where the port does not speak the first"},
    {"follow", "N", "0", "redirects, at most; all but the last answer stand in http.redirects"},
    {"max-body", "SIZE", "64k", "how much of a body is read, decoded; at most 16M"},
    {"keep-body", "", "", "put the body into the record, as http.body", true},
    {"dialogue", "", "", "put what was said into the record, as http.dialogue: requests and heads of answers", true},
    {"user-agent", "TEXT", "sonde/ and its version", "who asks; empty: nobody says"},
    {"insecure", "", "", "accept any certificate; on in scans, --insecure=false refuses what a browser would", true},
    {"expect-status", "200-299,301", "any", "http.expect.status tells whether the status is one of these"},
    {"expect-body", "REGEX", "none", "http.expect.body tells whether this (RE2) is in the body"},
    {"repeat", "N", "1", "ask for each path so often, over one connection where the server lets us"},
});

// Of the tls probe, what https needs too.
constexpr auto kOfTls =
    std::to_array<std::string_view>({"sni", "verify", "ca", "client-cert", "client-key", "min-tls", "max-tls", "pem"});

std::vector<OptionDef> make_defs() {
  std::vector<OptionDef> defs(kOwn.begin(), kOwn.end());
  for (const OptionDef& def : tls_option_defs())
    if (std::ranges::find(kOfTls, def.name) != kOfTls.end()) defs.push_back(def);
  return defs;
}

bool parse_number(std::string_view text, std::uint64_t least, std::uint64_t most, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= least && out <= most;
}

Parsed<> set_number(std::uint32_t& number, std::string_view value, std::uint64_t least, std::uint64_t most) {
  std::uint64_t parsed = 0;
  if (!parse_number(value, least, most, parsed))
    return input_error(fmt::format("'{}' is not a number from {} to {}", value, least, most));
  number = static_cast<std::uint32_t>(parsed);
  return {};
}

Parsed<> set_size(std::uint32_t& size, std::string_view value) {
  std::string_view digits = value;
  std::uint64_t unit = 1;
  if (digits.ends_with('k') || digits.ends_with('K')) unit = 1024;
  if (digits.ends_with('m') || digits.ends_with('M')) unit = std::uint64_t{1024} * 1024;
  if (unit > 1) digits.remove_suffix(1);
  std::uint64_t parsed = 0;
  if (!parse_number(digits, 0, HttpOptions::kMostBody / unit, parsed))
    return input_error(fmt::format("'{}' is not a size up to 16M, such as 4096, 64k or 1M", value));
  size = static_cast<std::uint32_t>(parsed * unit);
  return {};
}

std::unexpected<InputError> not_one_of(std::string_view value, std::span<const std::string_view> words) {
  return input_error(fmt::format("'{}' is not one of {}{}", value, fmt::join(words, ", "), did_you_mean(value, words)));
}

Parsed<> set_version(HttpOptions& options, std::string_view value) {
  static constexpr auto kWords = std::to_array<std::string_view>({"auto", "1.1", "2"});
  const auto* const found = std::ranges::find(kWords, value);
  if (found == kWords.end()) return not_one_of(value, kWords);
  options.version = static_cast<HttpOptions::Version>(found - kWords.begin());
  return {};
}

Parsed<> set_scheme(HttpOptions& options, std::string_view value) {
  static constexpr auto kWords = std::to_array<std::string_view>({"by-port", "http", "https", "auto"});
  const auto* const found = std::ranges::find(kWords, value);
  if (found == kWords.end()) return not_one_of(value, kWords);
  options.scheme = static_cast<HttpOptions::Scheme>(found - kWords.begin());
  return {};
}

Parsed<> add_path(HttpOptions& options, std::string_view value) {
  if (!value.starts_with('/') && value != "*")
    return input_error(fmt::format("'{}' does not begin with a slash, as in /health", value));
  if (options.paths.size() == HttpOptions::kMostPaths)
    return input_error(fmt::format("more than {} paths", HttpOptions::kMostPaths));
  options.paths.emplace_back(value);
  return {};
}

Parsed<> add_header(HttpOptions& options, std::string_view value) {
  Parsed<wire::HttpHeader> header = wire::parse_header(value);
  if (!header) return std::unexpected(header.error());
  options.headers.push_back(std::move(*header));
  return {};
}

Parsed<> set_body(HttpOptions& options, std::string_view value) {
  if (!value.starts_with('@')) {
    options.body = value;
    return {};
  }
  const std::string path(value.substr(1));
  Result<std::string> read = os::read_file(path, kLargestRequestBody);
  if (!read) return input_error(path + ": " + os::describe(read.error()));
  options.body = std::move(*read);
  return {};
}

Parsed<> set_expect_status(HttpOptions& options, std::string_view value) {
  options.expect_status.clear();
  std::string_view list = value;
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    const std::size_t dash = item.find('-');
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (!parse_number(item.substr(0, dash), 100, 999, first) ||
        !parse_number(dash == std::string_view::npos ? item : item.substr(dash + 1), 100, 999, last) || last < first)
      return input_error(fmt::format("'{}' is not a status or a range of them, such as 200-299,301", item));
    options.expect_status.emplace_back(first, last);
  }
  if (options.expect_status.empty()) return input_error("no status; such as 200-299,301");
  return {};
}

Parsed<> set_expect_body(HttpOptions& options, std::string_view value) {
  RE2::Options how;
  how.set_log_errors(false);
  auto expression = std::make_unique<RE2>(re2::StringPiece(value.data(), value.size()), how);
  if (!expression->ok())
    return input_error(fmt::format("'{}' is no regular expression: {}", value, expression->error()));
  options.expect_body = std::move(expression);
  return {};
}

}  // namespace

bool HttpOptions::expects(std::uint16_t status) const {
  return std::ranges::any_of(expect_status,
                             [status](const auto& range) { return status >= range.first && status <= range.second; });
}

std::span<const OptionDef> http_option_defs() {
  static const std::vector<OptionDef> defs = make_defs();
  return defs;
}

Parsed<> set_http_option(HttpOptions& options, std::string_view name, std::string_view value) {
  const bool on = value == "true";
  if (std::ranges::find(kOfTls, name) != kOfTls.end()) return set_tls_option(options.tls, name, value);
  if (name == "method") options.method = value;
  if (name == "user-agent") options.user_agent = value;
  if (name == "path") return add_path(options, value);
  if (name == "header") return add_header(options, value);
  if (name == "body") return set_body(options, value);
  if (name == "http") return set_version(options, value);
  if (name == "scheme") return set_scheme(options, value);
  if (name == "follow") return set_number(options.follow, value, 0, 50);
  if (name == "repeat") return set_number(options.repeat, value, 1, HttpOptions::kMostRepeats);
  if (name == "max-body") return set_size(options.max_body, value);
  if (name == "expect-status") return set_expect_status(options, value);
  if (name == "expect-body") return set_expect_body(options, value);
  if (name == "insecure") options.insecure = on;
  if (name == "dialogue") options.dialogue = on;
  if (name == "keep-body") options.keep_body = on;
  return {};
}

Parsed<> complete_http_options(HttpOptions& options) {
  TlsOptions& tls = options.tls;
  if (tls.min_version > tls.max_version)
    return input_error(fmt::format("--min-tls: {} is newer than --max-tls {}", wire::tls_version_name(tls.min_version),
                                   wire::tls_version_name(tls.max_version)));
  if (!tls.ca_file.empty() && !tls.verify && options.insecure)
    return input_error("--ca: nothing is verified without --verify or --insecure=false");
  if (!tls.client_key.empty() && tls.client_cert.empty())
    return input_error("--client-key: needs --client-cert, the certificate that it is the key of");
  const std::string_view none = "/";
  for (std::size_t i = 0; i < std::max<std::size_t>(options.paths.size(), 1); ++i) {
    const Parsed<> sound = wire::check_request({.method = options.method,
                                                .target = options.paths.empty() ? none : options.paths[i],
                                                .host = "host",
                                                .user_agent = options.user_agent,
                                                .headers = options.headers,
                                                .body = options.body});
    if (!sound) return input_error("http: " + sound.error().text);
  }
  if (options.follow > 0 && std::max<std::size_t>(options.paths.size(), 1) * options.repeat > 1)
    return input_error("--follow: goes with one request, not with several paths or --repeat");
  using Version = HttpOptions::Version;
  tls.alpn = options.version == Version::kHttp1   ? std::vector<std::string>{"http/1.1"}
             : options.version == Version::kHttp2 ? std::vector<std::string>{"h2"}
                                                  : std::vector<std::string>{"h2", "http/1.1"};
  return {};
}

}  // namespace sonde::probes
